// State that cannot be followed keeps the session on its server connection, and goes with it.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

class pin : public proxied_test {
protected:
    /// Uses the whole pool, so that an unpinned session would get another server connection.
    static void shuffle() {
        for (int round = 0; round < 3; ++round) {
            std::vector<wire_client> others;
            for (int count = 0; count < 3; ++count) {
                others.push_back(wire());
                others.back().converse(wire::query("begin; select txid_current()"));
            }
            for (auto& other : others)
                other.converse(wire::query("commit"));
        }
    }
    static std::string locks(const std::string& key) {
        return cluster().primary().value(
            "select count(*) from pg_locks where locktype = 'advisory' and objid = " + key);
    }
};

TEST_F(pin, TemporaryTablesStayWithTheirSession) {
    auto session = connect();
    session.must("create temporary table mine (n int)");
    session.must("insert into mine values (1), (2)");
    shuffle();
    EXPECT_EQ(session.value("select count(*) from mine"), "2");
    auto other = connect();
    EXPECT_EQ(other.exec("select * from mine").sqlstate(), "42P01");
    session.close();
    EXPECT_TRUE(wait_until([&] {
        return connect().exec("select * from mine").sqlstate() == "42P01" &&
               cluster().primary().value("select count(*) from pg_class where relname = 'mine'") ==
                   "0";
    }));
}

TEST_F(pin, SqlPrepareAndExecute) {
    auto session = connect();
    session.must("prepare by_sql as select $1::int + 1");
    shuffle();
    EXPECT_EQ(session.value("execute by_sql(41)"), "42");
    auto other = connect();
    EXPECT_EQ(other.exec("execute by_sql(1)").sqlstate(), "26000");
    session.must("deallocate by_sql");
    EXPECT_EQ(session.exec("execute by_sql(1)").sqlstate(), "26000");
}

TEST_F(pin, SessionAdvisoryLocksAreHeldUntilUnlockOrTheClientsEnd) {
    auto session = connect();
    session.must("select pg_advisory_lock(90210)");
    shuffle();
    EXPECT_EQ(locks("90210"), "1");
    auto other = connect();
    EXPECT_EQ(other.value("select pg_try_advisory_lock(90210)"), "f");
    EXPECT_EQ(session.value("select pg_advisory_unlock(90210)"), "t");
    EXPECT_EQ(other.value("select pg_try_advisory_lock(90210)"), "t");
    EXPECT_EQ(other.value("select pg_advisory_unlock(90210)"), "t");
    session.must("select pg_advisory_lock(90211)");
    session.close();
    EXPECT_TRUE(wait_until([] { return locks("90211") == "0"; }));
}

TEST_F(pin, AKilledClientsLockIsFreeWithinASecond) {
    auto client = wire();
    client.converse(wire::query("select pg_advisory_lock(90212)"));
    EXPECT_EQ(locks("90212"), "1");
    client.reset();
    EXPECT_TRUE(wait_until([] { return locks("90212") == "0"; }, 1s));
}

TEST_F(pin, HoldableCursorsOutliveTheirTransaction) {
    auto session = connect();
    session.must("begin; declare kept cursor with hold for select generate_series(1, 5); commit");
    shuffle();
    EXPECT_EQ(session.value("fetch 1 from kept"), "1");
    shuffle();
    EXPECT_EQ(session.value("fetch 1 from kept"), "2");
    session.must("close kept");
    EXPECT_EQ(session.exec("fetch 1 from kept").sqlstate(), "34000");
}

TEST_F(pin, CurrvalBelongsToTheSession) {
    // Server connections that nobody has used: on others the very first currval of a database is
    // refused.
    drop_shared_pgweir();
    make_table("serially", "id serial, n int");
    cluster().primary().must("grant all on sequence serially_id_seq to public");
    auto first = connect();
    auto second = connect();
    first.must("insert into serially (n) values (1)");
    const auto mine = first.value("select currval('serially_id_seq')");
    second.must("insert into serially (n) values (2)");
    shuffle();
    const auto still = first.exec("select currval('serially_id_seq')");
    if (still.ok())
        EXPECT_EQ(still.value(), mine);
    else
        EXPECT_EQ(still.sqlstate(), "55000") << "never another session's value";
    const auto none = connect().exec("select lastval()");
    EXPECT_EQ(none.sqlstate(), "55000");
}

TEST_F(pin, AFreshSessionFindsNothingOfTheOnesBefore) {
    const std::vector<std::string> dirt{
        "create temporary table dirt (n int)",
        "select pg_advisory_lock(555)",
        "listen dirt",
        "prepare dirt as select 1",
        "begin; declare dirt cursor with hold for select 1; commit",
        "set my.dirt = 'dirty'",
        "set session authorization default",
        "do $$ begin perform set_config('work_mem', '9999kB', false); end $$",
        "load 'auto_explain'",
    };
    for (const auto& sql : dirt) {
        SCOPED_TRACE(sql);
        {
            auto session = connect(accounts::superuser);
            session.must(sql);
        }
        for (int round = 0; round < 8; ++round) {
            auto fresh = connect(accounts::superuser);
            EXPECT_EQ(fresh.value(
                          "select (select count(*) from pg_locks where locktype = 'advisory' and "
                          "pid = pg_backend_pid()) || ' ' || (select count(*) from "
                          "pg_prepared_statements where name = 'dirt') || ' ' || (select count(*) "
                          "from pg_cursors where name = 'dirt') || ' ' || (select count(*) from "
                          "pg_listening_channels()) || ' ' || coalesce(current_setting('my.dirt', "
                          "true), '') || current_setting('work_mem') || current_user || ' ' || "
                          "coalesce(to_regclass('pg_temp.dirt')::text, '')"),
                      "0 0 0 0 4MBpostgres ");
        }
    }
}

TEST_F(pin, PinnedSessionsHaveTheirOwnCapBelowThePoolSize) {
    PGWEIR_ONLY();
    pgweir_options options;
    options.settings["pool_size"] = "4";
    options.settings["max_pinned"] = "2";
    options.settings["queue_timeout"] = "500ms";
    const pgweir_process proxy{cluster().addresses(), options};
    auto first = logged_in(proxy.port());
    auto second = logged_in(proxy.port());
    auto third = logged_in(proxy.port());
    EXPECT_EQ(sqlstate(first.converse(wire::query("listen a"))), "");
    EXPECT_EQ(sqlstate(second.converse(wire::query("listen b"))), "");
    const auto refused = third.converse(wire::query("listen c"));
    EXPECT_EQ(sqlstate(refused), "53300");
    EXPECT_EQ(letters(third.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(pin, APinIsCountedAndEndsWithItsSession) {
    PGWEIR_ONLY();
    const auto pinned = [] { return shared_pgweir().metric("pgweir_clients", "state=\"pinned\""); };
    const auto before = pinned();
    {
        auto session = connect();
        session.must("select pg_advisory_lock(91000)");
        EXPECT_TRUE(wait_until([&] { return pinned() >= before + 1; }));
    }
    EXPECT_TRUE(wait_until([&] { return pinned() <= before; }));
    auto next = connect();
    EXPECT_EQ(next.value("select pg_try_advisory_lock(91000)"), "t");
}

TEST_F(pin, DeathOfAPinnedSessionsServerEndsTheSession) {
    PGWEIR_ONLY();
    auto client = wire();
    const auto pid =
        first_columns(client.converse(wire::query("select pg_backend_pid(), pg_advisory_lock(77)")))
            .at(0);
    cluster().primary().must("select pg_terminate_backend(" + pid + ")");
    const auto messages = client.read_to_end();
    EXPECT_EQ(sqlstate(messages), "57P01");
    EXPECT_TRUE(client.at_end());
}

} // namespace
} // namespace pgweir::test
