// SQL that names protocol-level statements, and statements that go on under the settings they were
// parsed under, on whichever server connection they run.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::ElementsAre;

class prepared_names : public proxied_test {
protected:
    /// Others keep all server connections but one, a different one each time.
    class crowd {
    public:
        explicit crowd(int round) {
            for (int count = 0; count < 3 + round % 2; ++count) {
                others_.push_back(wire());
                others_.back().converse(wire::query("begin; select txid_current()"));
            }
        }

    private:
        std::vector<wire_client> others_;
    };
    static std::string names(pg_connection& session) {
        return session.value("select coalesce(string_agg(name || ':' || from_sql, ',' order by "
                             "name), 'none') from pg_prepared_statements");
    }
};

TEST_F(prepared_names, ExecuteRunsAProtocolLevelStatement) {
    auto session = connect();
    ASSERT_TRUE(session.prepare("ps", "select $1::int + 1").ok());
    for (int round = 0; round < 4; ++round) {
        const crowd others{round};
        EXPECT_EQ(session.value("execute ps(41)"), "42");
        EXPECT_EQ(session.exec_params("execute ps(42)").value(), "43");
    }
    EXPECT_EQ(session.value("explain (costs off) execute ps(1)"), "Result");
    session.must("begin");
    EXPECT_EQ(session.value("execute ps(1)"), "2");
    session.must("create temporary table made on commit drop as execute ps(9)");
    EXPECT_EQ(session.value("select * from made"), "10");
    session.must("commit");
    EXPECT_EQ(session.exec_prepared("ps", {"6"}).value(), "7");
    auto other = connect();
    EXPECT_EQ(other.exec("execute ps(1)").sqlstate(), "26000");
}

TEST_F(prepared_names, ExecuteWritesOnThePrimaryAndPinsNothing) {
    make_table("executed", "n int");
    auto session = connect();
    ASSERT_TRUE(session.prepare("put", "insert into executed values ($1) returning n").ok());
    EXPECT_EQ(session.value("execute put(1)"), "1");
    EXPECT_EQ(session.exec("execute put(2); execute put(3)").sqlstate(), "");
    EXPECT_EQ(session.value("select sum(n) from executed"), "6");
    if (!is_direct()) {
        EXPECT_EQ(session.value("show pgweir.pins"), "");
    }
}

TEST_F(prepared_names, ExecuteOfWhatIsGoneFailsAsItself) {
    make_table("going", "n int");
    auto session = connect();
    ASSERT_TRUE(session.prepare("ps", "select n from going").ok());
    cluster().primary().must("drop table going");
    EXPECT_TRUE(cluster().wait_caught_up());
    EXPECT_EQ(session.exec("execute ps").sqlstate(), "42P01");
    EXPECT_EQ(session.value("select 1"), "1");
    session.must("begin");
    EXPECT_EQ(session.exec("execute ps").sqlstate(), "42P01");
    EXPECT_EQ(session.exec("select 1").sqlstate(), "25P02");
    session.must("rollback");
    EXPECT_EQ(session.exec("deallocate ps").sqlstate(), "");
    EXPECT_EQ(session.exec("execute ps").sqlstate(), "26000");
}

TEST_F(prepared_names, ASessionSeesItsOwnStatementsAndNobodyElses) {
    auto other = connect();
    ASSERT_TRUE(other.prepare("other", "select 'other'").ok());
    EXPECT_EQ(other.exec_prepared("other").value(), "other");
    auto session = connect();
    EXPECT_EQ(names(session), "none");
    ASSERT_TRUE(session.prepare("one", "select 1").ok());
    ASSERT_TRUE(session.prepare("two", "select $1::text").ok());
    EXPECT_EQ(names(session), "one:false,two:false");
    session.must("begin");
    EXPECT_EQ(names(session), "one:false,two:false");
    EXPECT_EQ(session.exec_prepared("two", {"x"}).value(), "x");
    session.must("commit");
    ASSERT_TRUE(
        session.prepare("list", "select name from pg_prepared_statements order by name").ok());
    const auto listed = session.exec_prepared("list");
    ASSERT_EQ(listed.rows(), 3);
    EXPECT_EQ(listed.value(0, 0), "list");
    session.must("deallocate one");
    EXPECT_EQ(names(session), "list:false,two:false");
    EXPECT_EQ(names(other), "other:false");
}

TEST_F(prepared_names, DeallocateInEveryForm) {
    auto session = connect();
    const auto prepare = [&] { ASSERT_TRUE(session.prepare("ps", "select 1").ok()); };
    prepare();
    EXPECT_EQ(session.exec_params("deallocate ps").sqlstate(), "");
    EXPECT_EQ(session.exec_prepared("ps").sqlstate(), "26000");
    prepare();
    EXPECT_EQ(session.exec("select 1; deallocate ps").sqlstate(), "");
    EXPECT_EQ(session.exec_prepared("ps").sqlstate(), "26000");
    prepare();
    session.must("begin");
    EXPECT_EQ(session.exec("deallocate ps").sqlstate(), "");
    session.must("rollback");
    EXPECT_EQ(session.exec_prepared("ps").sqlstate(), "26000");
    prepare();
    session.must("begin");
    EXPECT_EQ(session.exec("select 1/0").sqlstate(), "22012");
    EXPECT_EQ(session.exec("deallocate ps").sqlstate(), "25P02");
    session.must("rollback");
    EXPECT_EQ(session.exec_prepared("ps").value(), "1");
    EXPECT_EQ(names(session), "ps:false");
    EXPECT_EQ(session.exec("deallocate ps").sqlstate(), "");
    EXPECT_EQ(session.exec("deallocate ps").sqlstate(), "26000");
}

TEST_F(prepared_names, SqlAndProtocolShareOneSetOfNames) {
    auto session = connect();
    ASSERT_TRUE(session.prepare("ps", "select 'protocol'").ok());
    EXPECT_EQ(session.exec("prepare ps as select 'sql'").sqlstate(), "42P05");
    EXPECT_EQ(session.value("execute ps"), "protocol");
    session.must("prepare by_sql as select 'sql'");
    const auto taken = session.prepare("by_sql", "select 'protocol'");
    EXPECT_EQ(taken.sqlstate(), "42P05");
    EXPECT_EQ(session.exec_prepared("by_sql").value(), "sql");
    EXPECT_EQ(session.value("execute by_sql"), "sql");
    EXPECT_EQ(names(session), "by_sql:true,ps:false");
    EXPECT_EQ(session.exec("deallocate ps").sqlstate(), "");
    EXPECT_EQ(session.exec("execute ps").sqlstate(), "26000");
    ASSERT_TRUE(session.prepare("ps", "select 'again'").ok());
    EXPECT_EQ(session.exec_prepared("ps").value(), "again");
    EXPECT_EQ(session.exec("deallocate by_sql").sqlstate(), "");
    EXPECT_EQ(session.exec("execute by_sql").sqlstate(), "26000");
    EXPECT_EQ(session.value("execute ps"), "again");
}

TEST_F(prepared_names, NamesOfThePoolAreNoOnesToUse) {
    PGWEIR_ONLY();
    auto owner = connect();
    ASSERT_TRUE(owner.prepare("ps", "select 'secret'").ok());
    auto session = connect();
    for (const char* sql :
         {"execute \"pgweir_0_1\"", "deallocate \"pgweir_1_1\"", "explain execute pgweir_0_1"})
        EXPECT_EQ(session.exec(sql).sqlstate(), "26000") << sql;
    session.must("begin");
    EXPECT_EQ(session.exec("execute pgweir_0_1").sqlstate(), "26000");
    EXPECT_EQ(session.exec("select 1").sqlstate(), "25P02");
    session.must("rollback");
    EXPECT_EQ(owner.exec_prepared("ps").value(), "secret");
}

TEST_F(prepared_names, ConstantsStayThoseOfTheirParse) {
    auto session = connect();
    session.must("set timezone = 'Asia/Tokyo'");
    // A text of its own: what other tests have prepared here may have been looked at anew since,
    // because somebody's first temporary table made a schema.
    ASSERT_TRUE(session
                    .prepare("ps", "select extract(epoch from '2020-01-01 00:00'::timestamptz)"
                                   "::bigint as parsed_once")
                    .ok());
    session.must("set timezone = 'UTC'");
    for (int round = 0; round < 4; ++round) {
        const crowd others{round};
        EXPECT_EQ(session.exec_prepared("ps").value(), "1577804400");
        session.must("begin; select txid_current()");
        EXPECT_EQ(session.exec_prepared("ps").value(), "1577804400");
        EXPECT_EQ(session.value("show timezone"), "UTC");
        EXPECT_EQ(session.value("execute ps"), "1577804400");
        session.must(round % 2 == 0 ? "commit" : "rollback");
        EXPECT_EQ(session.value("show timezone"), "UTC");
        EXPECT_EQ(session.parameter("TimeZone"), "UTC");
    }
}

TEST_F(prepared_names, AChangedResultTypeFailsTheBlock) {
    make_table("widening", "a int");
    auto client = wire();
    client.converse(wire::parse("star", "select * from widening") + wire::describe('S', "star") +
                    wire::sync());
    cluster().primary().must("alter table widening add column b int");
    EXPECT_TRUE(cluster().wait_caught_up());
    for (int round = 0; round < 3; ++round) {
        const crowd others{round};
        client.converse(wire::query("begin"));
        const auto use = wire::bind("", "star") + wire::execute("") + wire::sync();
        EXPECT_EQ(sqlstate(client.converse(use)), "0A000");
        EXPECT_EQ(sqlstate(client.converse(wire::query("select 1"))), "25P02");
        client.converse(wire::query("rollback"));
    }
    // Parsed again, it is what it is now.
    const auto again =
        client.converse(wire::close('S', "star") + wire::parse("star", "select * from widening") +
                        wire::describe('S', "star") + wire::sync());
    EXPECT_EQ(letters(again), "31tTZ") << sqlstate(again);
    EXPECT_EQ(letters(client.converse(wire::bind("", "star") + wire::execute("") + wire::sync())),
              "2CZ");
}

} // namespace
} // namespace pgweir::test
