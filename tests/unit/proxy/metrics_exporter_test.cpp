#include "proxy/metrics/exporter.hpp"
#include "proxy/metrics/labels.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

/// Two workers, a primary and a standby.
class source : public metrics_source {
public:
    source() {
        auto made = std::make_shared<cluster_view>();
        made->nodes.resize(2);
        made->nodes[0].name = "pg-0:5432";
        made->nodes[0].role = node_role::primary;
        made->nodes[0].health = node_health::up;
        made->nodes[1].id = 1;
        made->nodes[1].name = "pg-1:5432";
        made->nodes[1].role = node_role::standby;
        made->nodes[1].health = node_health::down;
        made->primary = 0;
        view_ = made;
        changing = made;
    }
    [[nodiscard]] std::vector<const worker_counters*> workers() const override {
        return {&one, &two};
    }
    [[nodiscard]] const control_counters& control() const override { return controls; }
    [[nodiscard]] cluster_view_ptr view() const override { return view_; }
    [[nodiscard]] std::vector<pool_gauges> pools() const override { return pools_; }
    [[nodiscard]] process_gauges process() const override { return {"1.2.3", 7s, false, 100}; }

    [[nodiscard]] std::string scrape() const { return exporter{*this}.text(); }

    worker_counters one;
    worker_counters two;
    control_counters controls;
    std::shared_ptr<cluster_view> changing;
    std::vector<pool_gauges> pools_;
    cluster_view_ptr view_;
};

TEST(Exporter, SumsWorkersWhateverTheirShares) {
    source from;
    from.one.clients[client_state::waiting].add(5);
    from.two.clients[client_state::waiting].subtract(2);
    from.one.nodes[1].statements[statement_group::select][route_reason::pure_read].add(3);
    from.two.nodes[1].statements[statement_group::select][route_reason::pure_read].add(4);
    from.one.node(0).connections[server_state::idle].add(1);
    const auto text = from.scrape();
    EXPECT_THAT(text, HasSubstr("pgweir_clients{state=\"waiting\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_statements_total{node=\"pg-1:5432\",kind=\"select\",reason="
                                "\"pure_read\"} 7\n"));
    EXPECT_THAT(text,
                HasSubstr("pgweir_server_connections{node=\"pg-0:5432\",state=\"idle\"} 1\n"));
    EXPECT_THAT(text,
                HasSubstr("pgweir_server_connections{node=\"pg-0:5432\",state=\"active\"} 0\n"));
    EXPECT_THAT(text, Not(HasSubstr("kind=\"insert\"")));
}

TEST(Exporter, HistogramsAreCumulativeAndInSeconds) {
    source from;
    from.one.queue_wait.record(10us);
    from.one.queue_wait.record(11us);
    from.two.queue_wait.record(1s);
    from.two.queue_wait.record(500s);
    const auto text = from.scrape();
    EXPECT_THAT(text, HasSubstr("pgweir_queue_wait_seconds_count 4\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_queue_wait_seconds_bucket{le=\"1e-05\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_queue_wait_seconds_bucket{le=\"2e-05\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_queue_wait_seconds_bucket{le=\"1\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_queue_wait_seconds_bucket{le=\"100\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_queue_wait_seconds_bucket{le=\"+Inf\"} 4\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_queue_wait_seconds_sum 501.0000"));
}

TEST(Exporter, ShowsNodesAndLeavesOutWhatIsUnknown) {
    source from;
    from.changing->nodes[1].lag_bytes = 4096;
    const auto text = from.scrape();
    EXPECT_THAT(text, HasSubstr("pgweir_primary_known 1\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_node_up{node=\"pg-0:5432\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_node_up{node=\"pg-1:5432\"} 0\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_node_role{node=\"pg-1:5432\",role=\"standby\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_node_lag_bytes{node=\"pg-1:5432\"} 4096\n"));
    EXPECT_THAT(text, Not(HasSubstr("pgweir_node_lag_seconds{")));
    from.view_ = nullptr;
    EXPECT_THAT(from.scrape(), HasSubstr("pgweir_primary_known 0\n"));
}

TEST(Exporter, ErrorsAreCountedByClass) {
    source from;
    from.one.errors_from_servers.add("23505");
    from.two.errors_from_servers.add("23503");
    from.one.errors_from_proxy.add("53300");
    from.one.errors_from_proxy.add("?");
    const auto text = from.scrape();
    EXPECT_THAT(text, HasSubstr("pgweir_errors_total{origin=\"server\",class=\"23\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_errors_total{origin=\"pgweir\",class=\"53\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("pgweir_errors_total{origin=\"pgweir\",class=\"other\"} 1\n"));
}

TEST(Exporter, APoolsNamesMayBeAnyBytes) {
    source from;
    from.pools_.push_back({.node = 1,
                           .database = "a\"b\\",
                           .user = "u\xff\n",
                           .limit = 5,
                           .open = 4,
                           .idle = 1,
                           .waiting = 2,
                           .oldest_wait = 1500ms});
    const auto text = from.scrape();
    EXPECT_THAT(
        text,
        HasSubstr(
            R"(pgweir_pool_waiting_clients{node="pg-1:5432",database="a\"b\\",user="u\\xff\\x0a"} 2)"));
    EXPECT_THAT(text, HasSubstr("} 1.5\n"));
}

TEST(Exporter, NodesBeyondTheTableShareItsLastPlace) {
    source from;
    from.changing->nodes.resize(max_counted_nodes + 3);
    from.one.node(max_counted_nodes + 2).leases.add(2);
    from.one.node(max_counted_nodes - 1).leases.add(1);
    EXPECT_THAT(from.scrape(), HasSubstr("pgweir_leases_total{node=\"others\"} 3\n"));
}

TEST(Exporter, EveryFamilyHasOneNameOurPrefixAndHelp) {
    source from;
    std::set<std::string> names;
    for (const auto& family : exporter{from}.Collect()) {
        EXPECT_TRUE(names.insert(family.name).second) << family.name;
        EXPECT_TRUE(family.name.starts_with("pgweir_"));
        EXPECT_TRUE(family.help.ends_with('.')) << family.name;
        EXPECT_EQ(family.type == prometheus::MetricType::Counter, family.name.ends_with("_total"))
            << family.name;
    }
    EXPECT_GT(names.size(), 60U);
}

TEST(Exporter, EachLabelIsAWordOfItsOwn) {
    const worker_counters none;
    const auto check = [](const auto& table, auto last) {
        using key = decltype(last);
        std::set<std::string_view> words;
        for (std::size_t i = 0; i < table.size; ++i)
            words.insert(label(static_cast<key>(i)));
        EXPECT_EQ(words.size(), table.size);
        EXPECT_FALSE(words.contains("unknown"));
    };
    check(none.clients, client_state::replication);
    check(none.logins, login_outcome::timed_out);
    check(none.queue_refusals, queue_refusal::shutdown);
    check(none.pins, pin_reason::opaque);
    check(none.retries, retry_reason::connection_lost);
    check(none.cancels, cancel_result::failed);
    check(none.nodes[0].connections, server_state::closing);
    check(none.nodes[0].statements, statement_group::other);
}

TEST(SqlstateCounters, KnowTheirClasses) {
    EXPECT_EQ(sqlstate_counters::class_of(sqlstate_counters::index_of("57P01")), "57");
    EXPECT_EQ(sqlstate_counters::class_of(sqlstate_counters::index_of("XX000")), "XX");
    EXPECT_EQ(sqlstate_counters::class_of(sqlstate_counters::index_of("00000")), "00");
    for (const auto* bad : {"", "5", "a1", "5 ", "\xff\xff"}) {
        EXPECT_EQ(sqlstate_counters::class_of(sqlstate_counters::index_of(bad)), "other");
    }
}

TEST(StatementGroup, CoversEveryKind) {
    EXPECT_EQ(group_of(sql::statement_kind::select), statement_group::select);
    EXPECT_EQ(group_of(sql::statement_kind::copy_out), statement_group::copy);
    EXPECT_EQ(group_of(sql::statement_kind::begin), statement_group::transaction);
    EXPECT_EQ(group_of(sql::statement_kind::set), statement_group::session);
    EXPECT_EQ(group_of(sql::statement_kind::do_block), statement_group::call);
    EXPECT_EQ(group_of(sql::statement_kind::unknown), statement_group::other);
}

} // namespace
} // namespace pgweir
