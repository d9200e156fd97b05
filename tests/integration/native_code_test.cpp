// Functions in C may keep something in their session that no question shows: who may have called
// one keeps its server connection, and nobody else gets it.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

/// A database of its own: what there is of such functions concerns everybody in a database.
class native_code : public proxied_test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        cluster().primary().must("create database native", "postgres");
    }
    void TearDown() override {
        if (is_direct()) return;
        drop_shared_pgweir(); // its connections, before their database goes
        cluster().primary().must("drop database native with (force)", "postgres");
    }
    static pg_connection connect() { return proxied_test::connect(accounts::superuser, "native"); }
    static std::string pins(pg_connection& session) { return session.value("show pgweir.pins"); }
};

constexpr auto create_guard = "create function check_primary_key() returns trigger language c "
                              "as '$libdir/refint'";

TEST_F(native_code, WritingToANewTableIsOnlyAskedAboutWhereNoTriggerIsInC) {
    auto session = connect();
    session.must("create function plain() returns trigger language plpgsql as "
                 "$$ begin return new; end $$");
    for (int i = 0; i < 5; ++i) {
        const auto name = "new_" + std::to_string(i);
        session.must("create table " + name + " (n int)");
        session.must("insert into " + name + " values (1)");
        EXPECT_EQ(pins(session), "");
    }
}

TEST_F(native_code, WritingToANewTableKeepsTheConnectionWhereATriggerMayBeInC) {
    auto session = connect();
    session.must(create_guard);
    EXPECT_EQ(pins(session), "") << "to have made such a function is nothing yet";
    session.must("create table parents (n int primary key); create table children (n int)");
    session.must("create trigger t before insert on children for each row execute function "
                 "check_primary_key('n', 'parents', 'n')");
    session.must("insert into children select 1 where false");
    EXPECT_EQ(pins(session), "opaque");
    const auto pid = session.value("select pg_backend_pid()");

    auto other = connect();
    other.must("create table others (n int)");
    other.must("insert into others values (1)");
    EXPECT_EQ(pins(other), "opaque") << "the catalog may not have been read since";
    EXPECT_NE(other.value("select pg_backend_pid()"), pid);
    session.close();
    EXPECT_TRUE(wait_until([&] {
        return cluster().primary().value("select count(*) from pg_stat_activity where pid = " +
                                         pid) == "0";
    })) << "the connection serves nobody else";
}

TEST_F(native_code, WhatWasMadeInTheSameTransactionCounts) {
    auto session = connect();
    session.must("begin");
    session.must("create table t (n int)");
    session.must(create_guard);
    session.must("insert into t values (1)");
    session.must("commit");
    EXPECT_EQ(pins(session), "opaque");
}

TEST_F(native_code, AnExtensionThatLeavesNothingBehindCostsNothing) {
    auto session = connect();
    const auto pid = session.value("select pg_backend_pid() + 0 * txid_current()");
    session.must("create extension pgcrypto");
    session.must("create table t (n int)");
    session.must("insert into t values (1)");
    EXPECT_EQ(pins(session), "");
    EXPECT_EQ(session.value("select pg_backend_pid() + 0 * txid_current()"), pid);
}

TEST_F(native_code, AReplacedFunctionIsNotTakenForTheOneThatTheCatalogShows) {
    auto session = connect();
    session.must("create function f() returns int language plpgsql as $$ begin return 1; end $$");
    for (int round = 0; round < 20; ++round) {
        session.must("create or replace function f() returns int language plpgsql as "
                     "$$ begin return 1; end $$");
        session.must("select f()");
        session.must("create or replace function f() returns int language plpgsql as $$ begin "
                     "perform set_config('work_mem', '7777kB', false); return 2; end $$");
        session.must("select f()");
        auto next = connect();
        EXPECT_NE(next.value("show work_mem"), "7777kB") << round;
        EXPECT_EQ(session.value("show work_mem"), "7777kB") << round;
        session.must("reset work_mem");
    }
}

} // namespace
} // namespace pgweir::test
