// The monitor against real servers, without the proxy around it.
#include "proxy/cluster/monitor.hpp"
#include "tests/support/postgres_cluster.hpp"
#include "tests/support/proxied_test.hpp"
#include "tests/support/wait.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <thread>

namespace pgweir::test {
namespace {

using testing::HasSubstr;

monitor_settings settings_for(postgres_cluster& cluster, const account& who) {
    monitor_settings settings;
    for (const auto& node : cluster.nodes())
        settings.nodes.push_back(
            {"127.0.0.1", static_cast<std::uint16_t>(node->port()), 1.0, "", false, "", "", true});
    settings.user = who.name;
    settings.password = who.password;
    settings.database = "app";
    return settings;
}

/// A control thread with a monitor on it, and the latest view that it published.
class watched_cluster {
public:
    explicit watched_cluster(monitor_settings settings)
        : monitor_{control_, std::move(settings), signals, [this](cluster_view_ptr view) {
                       const std::lock_guard lock{mutex_};
                       view_ = std::move(view);
                   }} {
        monitor_.start();
    }
    ~watched_cluster() {
        std::promise<void> stopped;
        monitor_.stop([&stopped] { stopped.set_value(); });
        EXPECT_EQ(stopped.get_future().wait_for(patience), std::future_status::ready);
        guard_.reset();
        thread_.join();
    }
    watched_cluster(const watched_cluster&) = delete;
    watched_cluster& operator=(const watched_cluster&) = delete;

    [[nodiscard]] cluster_view_ptr view() {
        signals.note_unit(); // keeps the working pace
        const std::lock_guard lock{mutex_};
        return view_;
    }
    template <class Condition> [[nodiscard]] bool wait_view(Condition condition) {
        return wait_until([&] { return condition(*view()); });
    }
    [[nodiscard]] bool wait_settled(std::size_t standbys) {
        return wait_view([standbys](const cluster_view& seen) {
            std::size_t readable = 0;
            for (const auto& node : seen.nodes)
                if (node.readable) ++readable;
            return seen.primary && readable == standbys;
        });
    }
    [[nodiscard]] pgweir::monitor& monitor() { return monitor_; }

    monitor_signals signals;

private:
    boost::asio::io_context control_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{
        control_.get_executor()};
    std::mutex mutex_;
    cluster_view_ptr view_ = std::make_shared<const cluster_view>();
    pgweir::monitor monitor_;
    std::thread thread_{[this] { control_.run(); }};
};

TEST(Monitor, FindsThePrimaryAndTheStandbys) {
    auto& cluster = shared_cluster();
    watched_cluster watched{settings_for(cluster, accounts::monitor)};
    ASSERT_TRUE(watched.wait_settled(cluster.standbys()));
    const auto view = watched.view();
    EXPECT_EQ(view->primary, 0);
    EXPECT_NE(view->system_identifier, 0U);
    EXPECT_EQ(view->nodes[0].address, "127.0.0.1");
    EXPECT_EQ(view->nodes[0].sample.timeline, timeline_id{1});
    EXPECT_EQ(view->nodes[1].sample.timeline, timeline_id{1});
    EXPECT_GE(view->nodes[0].server_version, 100'000U);
    EXPECT_THAT(view->primary_parameters,
                testing::Contains(testing::Pair("server_encoding", "UTF8")));
    EXPECT_TRUE(
        wait_until([&] { return watched.view()->nodes[1].replication_state == "streaming"; }));
}

TEST(Monitor, HoldsNoReplicationConnectionOnThePrimary) {
    drop_shared_pgweir(); // it has a monitor of its own
    auto& cluster = shared_cluster();
    watched_cluster watched{settings_for(cluster, accounts::monitor)};
    ASSERT_TRUE(watched.wait_settled(cluster.standbys()));
    EXPECT_EQ(cluster.primary().value("SELECT count(*) FROM pg_stat_replication"),
              std::to_string(cluster.standbys()));
    // A monitor that has just stopped may still have a backend that has not noticed its end.
    EXPECT_TRUE(wait_until([&] {
        return cluster.primary().count_backends("application_name = 'pgweir monitor'") == 1;
    }));
}

TEST(Monitor, ALaterLookBoundsACommit) {
    auto& cluster = shared_cluster();
    watched_cluster watched{settings_for(cluster, accounts::monitor)};
    ASSERT_TRUE(watched.wait_settled(cluster.standbys()));
    cluster.primary().must("CREATE TABLE IF NOT EXISTS monitor_test (i int)");
    watched.monitor().begin_waiting();
    for (int i = 0; i < 20; ++i) {
        cluster.primary().must("INSERT INTO monitor_test VALUES (1)");
        const auto mark = watched.signals.looks_begun.load();
        const auto written =
            parse_lsn(cluster.primary().value("SELECT pg_current_wal_flush_lsn()"));
        ASSERT_TRUE(watched.wait_view([&](const cluster_view& seen) {
            return seen.nodes[0].sample.number > mark + 2 * cluster.nodes().size();
        }));
        const auto bound = watched.view()->nodes[0].sample.flush;
        ASSERT_TRUE(bound && written);
        EXPECT_GE(*bound, *written);
        EXPECT_TRUE(watched.wait_view(
            [&](const cluster_view& seen) { return seen.nodes[1].sample.replay >= bound; }));
    }
    watched.monitor().end_waiting();
    cluster.primary().must("DROP TABLE monitor_test");
}

TEST(Monitor, LooksMoreOftenWhileSomebodyWaitsAndRestsWhenNobodyWorks) {
    auto& cluster = shared_cluster();
    watched_cluster watched{settings_for(cluster, accounts::monitor)};
    ASSERT_TRUE(watched.wait_settled(cluster.standbys()));
    const auto rate = [&watched](std::chrono::milliseconds time) {
        const auto before = watched.signals.looks_begun.load();
        std::this_thread::sleep_for(time);
        return watched.signals.looks_begun.load() - before;
    };
    const auto nodes = cluster.nodes().size();
    std::this_thread::sleep_for(1s); // the pace follows the units of the round before
    EXPECT_LE(rate(2s), 3 * nodes);
    watched.monitor().begin_waiting();
    EXPECT_GE(rate(2s), 20 * nodes);
    watched.monitor().end_waiting();
}

TEST(Monitor, AStandbyWithOtherDefaultsIsNotReadUntilTheyAreEqual) {
    postgres_cluster cluster{cluster_options{.standbys = 1, .settings = {}, .tls = false}};
    auto settings = settings_for(cluster, accounts::monitor);
    settings.defaults_interval = 100ms;
    watched_cluster watched{settings};
    ASSERT_TRUE(watched.wait_settled(1));
    cluster.standby(0).set("TimeZone", "Asia/Tokyo");
    ASSERT_TRUE(
        watched.wait_view([](const cluster_view& seen) { return !seen.nodes[1].readable; }));
    EXPECT_THAT(watched.view()->nodes[1].not_readable_because,
                HasSubstr("TimeZone is 'Asia/Tokyo' here"));
    cluster.standby(0).set("TimeZone", "");
    EXPECT_TRUE(watched.wait_settled(1));
}

TEST(Monitor, SeesLagAndItsEnd) {
    postgres_cluster cluster{cluster_options{.standbys = 1, .settings = {}, .tls = false}};
    auto settings = settings_for(cluster, accounts::monitor);
    settings.topology.max_standby_lag_bytes = 10'000;
    watched_cluster watched{settings};
    ASSERT_TRUE(watched.wait_settled(1));
    cluster.standby(0).pause_replay();
    cluster.primary().must("CREATE TABLE lag AS SELECT generate_series(1, 10000) AS i");
    ASSERT_TRUE(
        watched.wait_view([](const cluster_view& seen) { return !seen.nodes[1].readable; }));
    EXPECT_THAT(watched.view()->nodes[1].not_readable_because, HasSubstr("max_standby_lag_bytes"));
    EXPECT_TRUE(watched.wait_view([](const cluster_view& seen) {
        return seen.nodes[1].lag_time && *seen.nodes[1].lag_time > 500ms;
    }));
    cluster.standby(0).resume_replay();
    EXPECT_TRUE(watched.wait_settled(1));
}

TEST(Monitor, FollowsAPromotionAndNeverGoesBack) {
    postgres_cluster cluster;
    watched_cluster watched{settings_for(cluster, accounts::monitor)};
    ASSERT_TRUE(watched.wait_settled(2));
    const auto epoch = watched.view()->nodes[1].role_epoch;
    cluster.primary().kill();
    ASSERT_TRUE(watched.wait_view([](const cluster_view& seen) { return !seen.primary; }));
    EXPECT_TRUE(watched.view()->nodes[2].readable) << "reads go on";
    cluster.standby(0).promote();
    ASSERT_TRUE(watched.wait_view([](const cluster_view& seen) { return seen.primary == 1; }));
    const auto view = watched.view();
    EXPECT_GT(view->nodes[1].role_epoch, epoch);
    ASSERT_EQ(view->history.size(), 2U);
    EXPECT_EQ(view->history[1].first, timeline_id{2});
    cluster.primary().start(); // the old one, writable
    ASSERT_TRUE(watched.wait_view(
        [](const cluster_view& seen) { return seen.nodes[0].role == node_role::primary; }));
    EXPECT_EQ(watched.view()->primary, 1);
    cluster.standby(0).kill();
    ASSERT_TRUE(watched.wait_view([](const cluster_view& seen) { return !seen.primary; }));
    EXPECT_TRUE(stays_false([&] { return watched.view()->primary.has_value(); }, 1s));
    EXPECT_THAT(watched.view()->no_primary_because, HasSubstr("out-voted"));
}

TEST(Monitor, AHungStandbyIsDownAndComesBack) {
    postgres_cluster cluster{cluster_options{.standbys = 1, .settings = {}, .tls = false}};
    auto settings = settings_for(cluster, accounts::monitor);
    settings.check_timeout = settings.connect_timeout = 500ms;
    watched_cluster watched{settings};
    ASSERT_TRUE(watched.wait_settled(1));
    cluster.standby(0).suspend();
    EXPECT_TRUE(watched.wait_view(
        [](const cluster_view& seen) { return seen.nodes[1].health == node_health::down; }));
    EXPECT_EQ(watched.view()->primary, 0);
    cluster.standby(0).resume();
    EXPECT_TRUE(watched.wait_settled(1));
}

TEST(Monitor, AHungPrimaryThatStillTalksToWorkersStaysThePrimary) {
    postgres_cluster cluster{cluster_options{.standbys = 0, .settings = {}, .tls = false}};
    auto settings = settings_for(cluster, accounts::monitor);
    settings.check_timeout = settings.connect_timeout = 300ms;
    settings.topology.role_bound = 1'000ms;
    watched_cluster watched{settings};
    ASSERT_TRUE(watched.wait_settled(0));
    cluster.primary().suspend();
    EXPECT_TRUE(stays_false(
        [&] {
            watched.signals.note_bytes(0);
            return !watched.view()->primary;
        },
        2s));
    EXPECT_TRUE(watched.wait_view([](const cluster_view& seen) { return !seen.primary; }));
    cluster.primary().resume();
    EXPECT_TRUE(watched.wait_settled(0));
}

TEST(Monitor, AFullServerIsBusyNotDown) {
    postgres_cluster cluster{
        cluster_options{.standbys = 0, .settings = {{"max_connections", "10"}}, .tls = false}};
    watched_cluster watched{settings_for(cluster, accounts::monitor)};
    ASSERT_TRUE(watched.wait_settled(0));
    std::vector<pg_connection> all;
    for (int i = 0; i < 9; ++i)
        all.push_back(cluster.primary().connect());
    const auto end =
        all.front().value("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
                          "WHERE application_name = 'pgweir monitor'");
    EXPECT_EQ(end, "1");
    EXPECT_TRUE(wait_until([&] {
        try {
            all.push_back(cluster.primary().connect());
        } catch (const std::exception&) {
        }
        return watched.view()->nodes[0].health == node_health::busy;
    }));
    EXPECT_EQ(watched.view()->primary, 0);
    all.clear();
    EXPECT_TRUE(watched.wait_view(
        [](const cluster_view& seen) { return seen.nodes[0].health == node_health::up; }));
}

TEST(Monitor, AWrongPasswordIsNotRetriedAtOnce) {
    auto& cluster = shared_cluster();
    auto settings = settings_for(cluster, accounts::monitor);
    settings.password = "wrong";
    watched_cluster watched{settings};
    ASSERT_TRUE(watched.wait_view([](const cluster_view& seen) {
        return seen.nodes.size() > 1 && !seen.nodes[1].not_readable_because.empty() &&
               seen.nodes[1].not_readable_because != "state unknown";
    }));
    EXPECT_EQ(watched.view()->nodes[1].health, node_health::unknown);
    EXPECT_THAT(watched.view()->nodes[1].not_readable_because, HasSubstr("28P01"));
    watched.monitor().reload(settings_for(cluster, accounts::monitor));
    EXPECT_TRUE(watched.wait_settled(cluster.standbys()));
}

TEST(Monitor, WithoutTheReplicationRightTheReceiverNamesTheTimeline) {
    postgres_cluster cluster{cluster_options{.standbys = 1, .settings = {}, .tls = false}};
    cluster.primary().must("ALTER ROLE weir_monitor NOREPLICATION");
    ASSERT_TRUE(cluster.wait_caught_up());
    watched_cluster watched{settings_for(cluster, accounts::monitor)};
    EXPECT_TRUE(watched.wait_settled(1));
    cluster.primary().kill();
    ASSERT_TRUE(watched.wait_view([](const cluster_view& seen) { return !seen.primary; }));
    cluster.standby(0).promote();
    EXPECT_TRUE(watched.wait_view([](const cluster_view& seen) { return seen.primary == 1; }))
        << "it was watched on the old timeline";
}

TEST(Monitor, OrdersAndAddedNodesTakeEffectAtOnce) {
    auto& cluster = shared_cluster();
    auto settings = settings_for(cluster, accounts::monitor);
    const auto all = settings.nodes;
    settings.nodes.pop_back();
    watched_cluster watched{settings};
    ASSERT_TRUE(watched.wait_settled(all.size() - 2));
    settings.nodes = all;
    watched.monitor().reload(settings);
    ASSERT_TRUE(watched.wait_settled(all.size() - 1));
    watched.monitor().order(1, node_order::draining);
    EXPECT_TRUE(watched.wait_settled(all.size() - 2));
    watched.monitor().order(1, node_order::attached);
    EXPECT_TRUE(watched.wait_settled(all.size() - 1));
}

} // namespace
} // namespace pgweir::test
