// ALTER ROLE … SET, ALTER DATABASE … SET and the configuration files reach sessions that begin
// afterwards, though server connections from before are still open.
#include "tests/integration/state_dump.hpp"
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

class login_defaults : public ::testing::Test {
protected:
    static void SetUpTestSuite() { cluster_ = std::make_unique<postgres_cluster>(); }
    static void TearDownTestSuite() { cluster_.reset(); }
    void SetUp() override {
        PGWEIR_ONLY();
        pgweir_options options;
        options.settings = {{"pool_size", "3"}, {"workers", "2"}};
        proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), options);
        primary().must("create table if not exists seen_from (n int); grant all on seen_from to "
                       "public; insert into seen_from values (1)");
    }
    void TearDown() override {
        if (!proxy_) return;
        for (const char* each :
             {"alter role app reset all", "alter role app in database app reset all",
              "alter database app reset all", "alter system reset all", "select pg_reload_conf()"})
            primary().must(each);
        proxy_->expect_clean_log();
        proxy_.reset();
    }

    static postgres_node& primary() { return cluster_->primary(); }
    pg_connection session(const account& who = accounts::app) const {
        return pg_connection{conninfo(proxy_->port(), who, "app", "application_name=defaults")};
    }
    /// Connections to all nodes, on all workers, none of them leased.
    void warm_up() const {
        for (int round = 0; round < 4; ++round) {
            std::vector<pg_connection> open;
            for (int i = 0; i < 3; ++i) {
                open.push_back(session());
                open.back().must("begin; select txid_current()");
            }
            for (auto& one : open) {
                one.must("commit");
                (void)one.exec("select count(*) from seen_from");
            }
        }
    }
    /// Everything that a session sees of itself, compared with a fresh login at the primary.
    std::string difference() const {
        pg_connection direct{
            conninfo(primary().port(), accounts::app, "app", "application_name=defaults")};
        auto through = session();
        const auto expected = dump_state(direct);
        const auto seen = dump_state(through);
        return differences(expected, seen);
    }

    static std::unique_ptr<postgres_cluster> cluster_;
    std::unique_ptr<pgweir_process> proxy_;
};

std::unique_ptr<postgres_cluster> login_defaults::cluster_;

TEST_F(login_defaults, OfARoleAndADatabaseChangedThroughPgweirReachTheNextLogin) {
    warm_up();
    EXPECT_EQ(difference(), "");
    auto owner = session();
    owner.must("alter role app set work_mem = '9MB'");
    EXPECT_EQ(session().value("show work_mem"), "9MB");
    EXPECT_EQ(difference(), "");
    // What clients are told at login as well.
    owner.must("begin; alter role app in database app set timezone = 'Asia/Tokyo'");
    EXPECT_EQ(session().parameter("TimeZone"), "UTC");
    owner.must("commit");
    EXPECT_EQ(session().parameter("TimeZone"), "Asia/Tokyo");
    EXPECT_EQ(session().value("show timezone"), "Asia/Tokyo");
    EXPECT_EQ(difference(), "");
    owner.must("alter database app set datestyle = 'German'");
    EXPECT_EQ(session().parameter("DateStyle"), "German, DMY");
    EXPECT_EQ(difference(), "");
    owner.must("alter role app in database app reset all; alter role app reset work_mem");
    owner.must("alter database app reset datestyle");
    EXPECT_EQ(session().parameter("TimeZone"), "UTC");
    EXPECT_EQ(difference(), "");
}

TEST_F(login_defaults, ReadsOnStandbysNeverSeeTheOldOnes) {
    auto owner = session();
    int on_standbys = 0;
    for (int round = 0; round < 25; ++round) {
        const std::string zone = round % 2 == 0 ? "Asia/Tokyo" : "Europe/Berlin";
        const std::string hour = round % 2 == 0 ? "09" : "01";
        owner.must("alter role app set timezone = '" + zone + "'");
        for (int i = 0; i < 6; ++i) {
            auto reader = session();
            EXPECT_EQ(reader.value("select to_char(timestamptz '2020-01-01 00:00+00', 'HH24') "
                                   "from seen_from limit 1"),
                      hour);
            const auto route = explained_route(
                reader, "select to_char(timestamptz '2020-01-01 00:00+00', 'HH24') from seen_from");
            if (route.find("standby") != std::string::npos) ++on_standbys;
        }
    }
    EXPECT_GT(on_standbys, 0);
}

TEST_F(login_defaults, ChangedPastPgweirTheyAreSeenWithTheNextLookAtTheCatalog) {
    warm_up();
    EXPECT_EQ(session().value("show work_mem"), "4MB");
    primary().must("alter role app set work_mem = '11MB'");
    // Any change of the catalog brings the next look on.
    auto owner = session();
    owner.must("create table if not exists a_change (n int); drop table a_change");
    EXPECT_TRUE(wait_until([&] { return session().value("show work_mem") == "11MB"; }));
    EXPECT_EQ(difference(), "");
}

TEST_F(login_defaults, OfTheConfigurationFilesReachNewLogins) {
    warm_up();
    auto admin = session(accounts::superuser);
    admin.must("alter system set log_disconnections = on"); // for new connections alone
    admin.must("alter system set datestyle = 'SQL, DMY'");
    admin.must("select pg_reload_conf()");
    EXPECT_TRUE(wait_until([&] {
        return session().parameter("DateStyle") == "SQL, DMY" &&
               session().value("show log_disconnections") == "on";
    }));
}

TEST_F(login_defaults, WhatFailsRetiresNothing) {
    auto stranger = session(accounts::other);
    warm_up();
    const auto connects = proxy_->metric("pgweir_server_connects_total", "result=\"ok\"");
    for (int i = 0; i < 5; ++i)
        EXPECT_EQ(stranger.exec("alter role app set work_mem = '1MB'").sqlstate(), "42501");
    warm_up();
    EXPECT_LE(proxy_->metric("pgweir_server_connects_total", "result=\"ok\""), connects + 3);
}

} // namespace
} // namespace pgweir::test
