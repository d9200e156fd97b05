// Reads that a standby refuses after all: answered by the primary, unseen by the client, and not
// sent to a standby again.
#include "tests/support/logging_cluster.hpp"

#include <thread>

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class refused_read : public routed_test {
protected:
    static void SetUpTestSuite() {
        start({{"read_only_function_list", "wrongly_stable"}});
        if (is_direct()) return;
        cluster().primary().must(
            "create table noted (n int);"
            "create function note_it(i int) returns int language sql as "
            "'insert into noted values ($1) returning n';"
            "create function wrongly_stable(i int) returns int language sql stable as "
            "'select note_it($1)';"
            "grant all on all tables in schema public to public");
        for (std::size_t index = 0; index < cluster().standbys(); ++index)
            cluster().standby(index).set("max_standby_streaming_delay", "50ms");
        make_table("swept", "n int");
        reread_catalog();
    }
    /// A table of a thousand rows, all of which every standby has.
    static void fill_swept() {
        cluster().primary().must("truncate swept");
        cluster().primary().must("insert into swept select generate_series(1, 1000)");
        EXPECT_TRUE(cluster().wait_caught_up());
    }
    static bool runs_on_a_standby(const std::string& marker) {
        for (std::size_t index = 0; index < cluster().standbys(); ++index)
            if (cluster().standby(index).count_backends(
                    "state = 'active' and wait_event = 'PgSleep' and query like '%" + marker +
                    "%'") == 1)
                return true;
        return false;
    }
    /// Takes rows away that the statement with this marker may still want to see.
    static void sweep_under(const std::string& marker) {
        EXPECT_TRUE(wait_until([&] { return runs_on_a_standby(marker); }));
        cluster().primary().must("delete from swept");
        cluster().primary().must("vacuum swept");
    }
    /// A session whose reads never go to the primary for the sake of a position.
    static pg_connection reader() {
        auto session = connect();
        session.must("set pgweir.consistency = 'eventual'");
        EXPECT_TRUE(wait_until([&] { return route_of(session, "select 'MARKER'") == "standby"; }));
        return session;
    }
};

TEST_F(refused_read, AFunctionThatWritesIsCalledOnThePrimaryFromThenOn) {
    auto session = reader();
    EXPECT_THAT(explained_route(session, "select wrongly_stable(1)"), HasSubstr("pure_read"));
    const auto before = proxy().metric("pgweir_retries_total", "read_only");
    EXPECT_EQ(route_of(session, "select wrongly_stable(1)"), "primary standby");
    EXPECT_EQ(proxy().metric("pgweir_retries_total", "read_only"), before + 1);
    EXPECT_EQ(route_of(session, "select wrongly_stable(2)"), "primary");
    EXPECT_EQ(proxy().metric("pgweir_retries_total", "read_only"), before + 1);
    EXPECT_GE(proxy().metric("pgweir_refused_statements"), 1);
    EXPECT_THAT(explained_route(session, "select wrongly_stable(3)"), HasSubstr("refused_before"));
    EXPECT_EQ(cluster().primary().value("select count(*) from noted"), "2");
}

TEST_F(refused_read, PreparedOrInABlockItIsAskedAgainAsWell) {
    cluster().primary().must("truncate noted");
    auto session = reader();
    const auto marker = new_marker();
    ASSERT_TRUE(
        session.prepare("ps", "select wrongly_stable($1::int) as p /* " + marker + " */").ok());
    EXPECT_EQ(session.exec_prepared("ps", {"7"}).value(), "7");
    EXPECT_EQ(session.exec_prepared("ps", {"8"}).value(), "8");

    session.must("begin");
    EXPECT_EQ(route_of(session, "select 'MARKER', count(*) from swept"), "standby");
    EXPECT_EQ(route_of(session, "select wrongly_stable(9) as in_a_block"), "primary standby");
    EXPECT_EQ(session.transaction_status(), PQTRANS_INTRANS);
    session.must("commit");
    EXPECT_EQ(cluster().primary().value("select string_agg(n::text, ',' order by n) from noted"),
              "7,8,9");
}

TEST_F(refused_read, WhatRecoveryCancelsIsAnsweredByThePrimary) {
    fill_swept();
    auto session = reader();
    const auto marker = new_marker();
    const std::string sql = "select count(*) from swept, pg_sleep(3) /* " + marker + " */";
    std::string count;
    std::thread asking{[&] { count = session.exec(sql).value(); }};
    sweep_under(marker);
    asking.join();
    EXPECT_EQ(count, "0"); // the standby would have said 1000
    EXPECT_EQ(where_ran(marker), "primary standby");
    EXPECT_GE(proxy().metric("pgweir_retries_total", "recovery_conflict"), 1);
    EXPECT_THAT(explained_route(session, sql), HasSubstr("refused_before"));
    EXPECT_THAT(explained_route(session, "select count(*) from swept"),
                Not(HasSubstr("refused_before")));
}

TEST_F(refused_read, ABlockOfReadsGoesOnOnThePrimaryAfterAConflict) {
    fill_swept();
    auto session = reader();
    session.must("begin");
    EXPECT_EQ(route_of(session, "select 'MARKER', count(*) from swept"), "standby");
    const auto marker = new_marker();
    std::string count;
    std::thread asking{[&] {
        count = session.exec("select count(*) as c from swept, pg_sleep(2) /* " + marker + " */")
                    .value();
    }};
    sweep_under(marker);
    asking.join();
    EXPECT_EQ(count, "0");
    EXPECT_EQ(session.transaction_status(), PQTRANS_INTRANS);
    EXPECT_EQ(route_of(session, "select 'MARKER', count(*) from swept"), "primary");
    session.must("insert into swept values (1)");
    session.must("commit");
    EXPECT_EQ(cluster().primary().value("select count(*) from swept"), "1");
}

TEST_F(refused_read, ABlockOfReadsGoesOnWhenItsStandbyConnectionIsTerminated) {
    fill_swept();
    auto session = reader();
    session.must("begin");
    EXPECT_EQ(route_of(session, "select 'MARKER', count(*) from swept"), "standby");
    const auto marker = new_marker();
    std::string count;
    std::thread asking{[&] {
        count = session.exec("select count(*) as d from swept, pg_sleep(2) /* " + marker + " */")
                    .value();
    }};
    EXPECT_TRUE(wait_until([&] { return runs_on_a_standby(marker); }));
    // Only there: it is asked again once.
    for (std::size_t index = 0; index < cluster().standbys(); ++index)
        if (cluster().standby(index).value("select count(pg_terminate_backend(pid)) from "
                                           "pg_stat_activity where wait_event = 'PgSleep' and "
                                           "query like '%" +
                                           marker + "%'") != "0")
            break;
    asking.join();
    EXPECT_EQ(count, "1000");
    EXPECT_EQ(session.transaction_status(), PQTRANS_INTRANS);
    session.must("commit");
}

TEST_F(refused_read, AnErrorOfTheStatementsOwnIsTheClientsAndNothingIsRemembered) {
    auto session = reader();
    EXPECT_EQ(
        session.exec("select 1 / (n - n) from swept, generate_series(1, 2) as own(n)").sqlstate(),
        "42702");
    EXPECT_EQ(
        session.exec("select 1 / (own.n - own.n) from generate_series(1, 2) as own(n)").sqlstate(),
        "22012");
    EXPECT_THAT(
        explained_route(session, "select 1 / (own.n - own.n) from generate_series(1, 2) as own(n)"),
        HasSubstr("pure_read"));
    session.must("begin");
    EXPECT_EQ(
        session.exec("select 1 / (own.n - own.n) from generate_series(1, 2) as own(n)").sqlstate(),
        "22012");
    EXPECT_EQ(session.exec("select 1").sqlstate(), "25P02");
    session.must("rollback");
}

} // namespace
} // namespace pgweir::test
