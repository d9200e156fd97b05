// What a session has set goes with it to every server connection and never to another session.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

class session_state : public proxied_test {
protected:
    /// Runs some statements of others, so that server connections change hands.
    static void shuffle() {
        std::vector<wire_client> others;
        for (int count = 0; count < 4; ++count) {
            others.push_back(wire());
            others.back().converse(wire::query("begin; select 1"));
        }
        for (auto& other : others)
            other.converse(wire::query("commit"));
    }
    static std::string shown(pg_connection& session, const std::string& name) {
        return session.value("show " + name);
    }
};

TEST_F(session_state, ParametersFollowTheSession) {
    auto tokyo = connect();
    auto paris = connect();
    tokyo.must("set timezone = 'Asia/Tokyo'");
    tokyo.must("set datestyle = 'SQL, DMY'");
    tokyo.must("set application_name = 'in tokyo'");
    paris.must("set timezone to 'Europe/Paris'");
    for (int round = 0; round < 8; ++round) {
        shuffle();
        EXPECT_EQ(tokyo.value("select '2020-02-01 12:00:00+00'::timestamptz::text"),
                  "01/02/2020 21:00:00 JST");
        EXPECT_EQ(paris.value("select '2020-02-01 12:00:00+00'::timestamptz::text"),
                  "2020-02-01 13:00:00+01");
        EXPECT_EQ(shown(tokyo, "application_name"), "in tokyo");
        auto fresh = connect();
        EXPECT_EQ(shown(fresh, "timezone"), "UTC");
        EXPECT_EQ(fresh.value("select '2020-02-01 12:00:00+00'::timestamptz::text"),
                  "2020-02-01 12:00:00+00");
    }
}

TEST_F(session_state, ChangesAreAnnouncedByParameterStatus) {
    auto session = connect();
    session.must("set timezone = 'Asia/Tokyo'");
    EXPECT_EQ(session.parameter("TimeZone"), "Asia/Tokyo");
    session.must("begin; set timezone = 'Europe/Paris'");
    EXPECT_EQ(session.parameter("TimeZone"), "Europe/Paris");
    session.must("rollback");
    EXPECT_EQ(session.parameter("TimeZone"), "Asia/Tokyo");
    session.must("reset timezone");
    EXPECT_EQ(session.parameter("TimeZone"), "UTC");
    session.must("set client_encoding = 'LATIN1'");
    EXPECT_EQ(session.parameter("client_encoding"), "LATIN1");
}

TEST_F(session_state, TheClientEncodingFollows) {
    auto latin = connect();
    latin.must("set client_encoding = 'LATIN1'");
    auto utf8 = connect();
    for (int round = 0; round < 6; ++round) {
        shuffle();
        EXPECT_EQ(latin.value("select 'caf' || chr(233)"), "caf\xe9");
        EXPECT_EQ(utf8.value("select 'caf' || chr(233)"), "caf\xc3\xa9");
        EXPECT_EQ(latin.value("select length('caf\xe9')"), "4");
    }
}

TEST_F(session_state, SetInABlockIsUndoneByRollback) {
    auto session = connect();
    session.must("set timezone = 'Asia/Tokyo'");
    session.must("begin");
    session.must("set timezone = 'Europe/Paris'");
    session.must("rollback");
    shuffle();
    EXPECT_EQ(shown(session, "timezone"), "Asia/Tokyo");
    session.must("begin");
    session.must("savepoint s");
    session.must("set timezone = 'Europe/Paris'");
    session.must("rollback to s");
    session.must("commit");
    shuffle();
    EXPECT_EQ(shown(session, "timezone"), "Asia/Tokyo");
    session.must("begin; set local timezone = 'Europe/Paris'; commit");
    shuffle();
    EXPECT_EQ(shown(session, "timezone"), "Asia/Tokyo");
    session.must("begin; set timezone = 'America/Lima'; commit");
    shuffle();
    EXPECT_EQ(shown(session, "timezone"), "America/Lima");
}

TEST_F(session_state, OtherParametersHoldTooAndAreSeenByNobodyElse) {
    for (const auto& [name, value] :
         std::map<std::string, std::string>{{"work_mem", "12345kB"},
                                            {"search_path", "pg_catalog, public"},
                                            {"statement_timeout", "54321ms"},
                                            {"default_transaction_read_only", "on"},
                                            {"enable_seqscan", "off"},
                                            {"my.custom", "tenant-7"}}) {
        SCOPED_TRACE(name);
        auto session = connect();
        session.must("set " + name + " = " + (name == "search_path" ? value : "'" + value + "'"));
        for (int round = 0; round < 4; ++round) {
            shuffle();
            EXPECT_EQ(shown(session, name), value);
        }
        auto other = connect();
        for (int round = 0; round < 6; ++round) {
            const auto result = other.exec("select current_setting('" + name + "', true)");
            ASSERT_TRUE(result.ok()) << result.message();
            EXPECT_NE(result.value(), value);
        }
    }
}

TEST_F(session_state, SetConfigCountsLikeSet) {
    auto session = connect();
    EXPECT_EQ(session.value("select set_config('work_mem', '7777kB', false)"), "7777kB");
    shuffle();
    EXPECT_EQ(shown(session, "work_mem"), "7777kB");
    EXPECT_EQ(session.value("select set_config('work_mem', '8888kB', true)"), "8888kB");
    EXPECT_EQ(shown(session, "work_mem"), "7777kB");
}

TEST_F(session_state, StartupParametersAreWhatResetGoesBackTo) {
    auto session = connect(accounts::app, "app", "options='-c work_mem=3333kB'");
    EXPECT_EQ(shown(session, "work_mem"), "3333kB");
    for (const char* reset :
         {"reset work_mem", "set work_mem to default", "reset all", "discard all"}) {
        SCOPED_TRACE(reset);
        session.must("set work_mem = '4444kB'");
        shuffle();
        EXPECT_EQ(shown(session, "work_mem"), "4444kB");
        session.must(reset);
        EXPECT_EQ(shown(session, "work_mem"), "3333kB");
        shuffle();
        EXPECT_EQ(shown(session, "work_mem"), "3333kB");
    }
}

TEST_F(session_state, RolesNeverReachAnotherSession) {
    cluster().primary().must("grant other to app");
    EXPECT_TRUE(cluster().wait_caught_up());
    auto session = connect();
    session.must("set role other");
    for (int round = 0; round < 6; ++round) {
        shuffle();
        EXPECT_EQ(session.value("select current_user"), "other");
        auto fresh = connect();
        EXPECT_EQ(fresh.value("select current_user"), "app");
    }
    session.must("reset role");
    EXPECT_EQ(session.value("select current_user"), "app");
    const auto failed = session.exec("set role postgres");
    EXPECT_EQ(failed.sqlstate(), "42501");
    EXPECT_EQ(session.value("select current_user"), "app");
    cluster().primary().must("revoke other from app");
}

TEST_F(session_state, AnInvalidSetFailsAtOnceAndChangesNothing) {
    auto session = connect();
    EXPECT_EQ(session.exec("set timezone = 'Nowhere/At_All'").sqlstate(), "22023");
    EXPECT_EQ(session.exec("set no_such_parameter = 1").sqlstate(), "42704");
    shuffle();
    EXPECT_EQ(shown(session, "timezone"), "UTC");
}

TEST_F(session_state, SeveralSetsInOneStringAndAmongOtherStatements) {
    auto session = connect();
    session.must("set timezone = 'Asia/Tokyo'; set application_name = 'it''s \"quoted\" \\'; "
                 "select 1");
    shuffle();
    EXPECT_EQ(shown(session, "timezone"), "Asia/Tokyo");
    EXPECT_EQ(shown(session, "application_name"), "it's \"quoted\" \\");
    session.exec("set timezone = 'Europe/Paris'; select 1/0");
    shuffle();
    EXPECT_EQ(shown(session, "timezone"), "Asia/Tokyo") << "one transaction, rolled back";
}

TEST_F(session_state, EmptyAndOddValuesAreReplayedAsTheyAre) {
    auto session = connect();
    for (const char* value : {"", "a'b", "a\\b", "a\"b", "$1; select 1", "a b"}) {
        SCOPED_TRACE(value);
        session.exec_params("select set_config('application_name', $1, false)", {value});
        shuffle();
        EXPECT_EQ(shown(session, "application_name"), value);
    }
}

TEST_F(session_state, DefaultTransactionReadOnlyDoesNotLeak) {
    make_table("writable", "n int");
    auto session = connect();
    session.must("set default_transaction_read_only = on");
    EXPECT_EQ(session.exec("insert into writable values (1)").sqlstate(), "25006");
    for (int round = 0; round < 10; ++round) {
        auto other = connect();
        EXPECT_TRUE(other.exec("insert into writable values (2)").ok());
    }
    session.must("set default_transaction_read_only = off");
    EXPECT_TRUE(session.exec("insert into writable values (3)").ok());
}

TEST_F(session_state, ServersMayChangeHandsInSessionsWithDifferentParametersUnderLoad) {
    std::vector<pg_connection> sessions;
    for (int number = 0; number < 12; ++number) {
        sessions.push_back(connect());
        sessions.back().must("set timezone = 'Etc/GMT+" + std::to_string(number) + "'");
    }
    for (int round = 0; round < 10; ++round) {
        for (auto& session : sessions)
            session.send("select extract(timezone from now())::int");
        for (std::size_t number = 0; number < sessions.size(); ++number) {
            const auto result = sessions[number].next_result();
            ASSERT_TRUE(result && result->ok());
            EXPECT_EQ(result->value(), std::to_string(-3600 * static_cast<int>(number)));
            while (sessions[number].next_result()) {
            }
        }
    }
}

} // namespace
} // namespace pgweir::test
