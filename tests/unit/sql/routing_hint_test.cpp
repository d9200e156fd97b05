#include "sql/routing_hint.hpp"

#include <gtest/gtest.h>

namespace pgweir::sql {

TEST(RoutingHint, IsReadFromALeadingComment) {
    EXPECT_EQ(scan_hint("/* pgweir: primary */ select 1"), routing_hint::primary);
    EXPECT_EQ(scan_hint("/* pgweir: standby */ select 1"), routing_hint::standby);
    EXPECT_EQ(scan_hint("/*pgweir:primary*/select 1"), routing_hint::primary);
    EXPECT_EQ(scan_hint("/* PGWEIR : primary */ select 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("/* PGWeir:  StandBy  */ select 1"), routing_hint::standby);
    EXPECT_EQ(scan_hint("/*\n\tpgweir: standby\n*/"), routing_hint::standby);
}

TEST(RoutingHint, MayStandBehindOtherCommentsAndBlanks) {
    EXPECT_EQ(scan_hint(" \n\t/* pgweir: primary */ select 1"), routing_hint::primary);
    EXPECT_EQ(scan_hint("-- a query\n/* by: shop */ /* pgweir: standby */ select 1"),
              routing_hint::standby);
    EXPECT_EQ(scan_hint("/* a /* nested */ one *//* pgweir: primary */ select 1"),
              routing_hint::primary);
    EXPECT_EQ(scan_hint("/* pgweir: primary *//* pgweir: standby */ select 1"),
              routing_hint::primary);
}

TEST(RoutingHint, IsNotReadFromAnywhereElse) {
    EXPECT_EQ(scan_hint(""), routing_hint::none);
    EXPECT_EQ(scan_hint("select 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("select /* pgweir: primary */ 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("select 1 /* pgweir: primary */"), routing_hint::none);
    EXPECT_EQ(scan_hint("-- pgweir: primary\nselect 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("-- /* pgweir: primary */\nselect 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("; /* pgweir: primary */ select 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("/* not pgweir: primary */ select 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("/* pgweir: primary or so */ select 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("/* /* pgweir: primary */ */ select 1"), routing_hint::none);
}

TEST(RoutingHint, PgpoolsCommentCountsOnlyAtTheVeryStart) {
    EXPECT_EQ(scan_hint("/*NO LOAD BALANCE*/ select 1"), routing_hint::no_load_balance);
    EXPECT_EQ(scan_hint("/*no load balance*/select 1"), routing_hint::no_load_balance);
    EXPECT_EQ(scan_hint(" /*NO LOAD BALANCE*/ select 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("/* NO LOAD BALANCE */ select 1"), routing_hint::none);
    EXPECT_EQ(scan_hint("/*NO LOAD BALANCE"), routing_hint::none);
}

TEST(RoutingHint, BrokenCommentsEndTheSearch) {
    EXPECT_EQ(scan_hint("/"), routing_hint::none);
    EXPECT_EQ(scan_hint("/*"), routing_hint::none);
    EXPECT_EQ(scan_hint("/*/"), routing_hint::none);
    EXPECT_EQ(scan_hint("/* pgweir: primary"), routing_hint::none);
    EXPECT_EQ(scan_hint("--"), routing_hint::none);
    EXPECT_EQ(scan_hint("   "), routing_hint::none);
    EXPECT_EQ(scan_hint("/**/"), routing_hint::none);
}

} // namespace pgweir::sql
