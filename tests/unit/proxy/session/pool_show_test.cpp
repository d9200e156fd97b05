#include "proxy/session/pool_show.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir {
namespace {

using ::testing::ElementsAre;
using ::testing::MatchesRegex;

class PoolShow : public ::testing::Test {
protected:
    node_view& add(const std::string& host, node_role role, node_health health) {
        node_view node;
        node.id = static_cast<std::uint16_t>(view_.nodes.size());
        node.host = host;
        node.role = role;
        node.health = health;
        node.role_epoch = 1;
        view_.nodes.push_back(node);
        return view_.nodes.back();
    }
    std::string cell(std::size_t row, std::string_view column) const {
        const auto table = pool_nodes_table(view_, reads_from_, selects_);
        for (std::size_t i = 0; i < table.columns.size(); ++i)
            if (table.columns[i] == column) return table.rows.at(row).at(i);
        return "no such column";
    }

    cluster_view view_;
    std::optional<std::uint16_t> reads_from_;
    std::vector<std::uint64_t> selects_;
};

TEST_F(PoolShow, NodesHaveTheColumnsOfPgpool47) {
    add("pg-0", node_role::primary, node_health::up);
    const auto table = pool_nodes_table(view_, {}, {});
    EXPECT_THAT(table.columns,
                ElementsAre("node_id", "hostname", "port", "status", "pg_status", "lb_weight",
                            "role", "pg_role", "select_cnt", "load_balance_node",
                            "replication_delay", "replication_state", "replication_sync_state",
                            "last_status_change"));
    ASSERT_EQ(table.rows.size(), 1U);
    EXPECT_EQ(table.rows[0].size(), table.columns.size());
}

TEST_F(PoolShow, APrimaryAndAStandby) {
    add("pg-0", node_role::primary, node_health::up);
    auto& standby = add("pg-1", node_role::standby, node_health::busy);
    standby.port = 5433;
    standby.weight = 3;
    standby.lag_bytes = 42;
    standby.replication_state = "streaming";
    standby.replication_sync_state = "async";
    view_.primary = 0;
    reads_from_ = 1;
    selects_ = {5, 7};
    EXPECT_EQ(cell(0, "role"), "primary");
    EXPECT_EQ(cell(0, "pg_role"), "primary");
    EXPECT_EQ(cell(0, "replication_delay"), "0");
    EXPECT_EQ(cell(0, "load_balance_node"), "false");
    EXPECT_EQ(cell(0, "lb_weight"), "0.250000");
    EXPECT_EQ(cell(0, "select_cnt"), "5");
    EXPECT_EQ(cell(1, "node_id"), "1");
    EXPECT_EQ(cell(1, "hostname"), "pg-1");
    EXPECT_EQ(cell(1, "port"), "5433");
    EXPECT_EQ(cell(1, "status"), "up") << "it lives, though it refuses for now";
    EXPECT_EQ(cell(1, "lb_weight"), "0.750000");
    EXPECT_EQ(cell(1, "role"), "standby");
    EXPECT_EQ(cell(1, "select_cnt"), "7");
    EXPECT_EQ(cell(1, "load_balance_node"), "true");
    EXPECT_EQ(cell(1, "replication_delay"), "42");
    EXPECT_EQ(cell(1, "replication_state"), "streaming");
    EXPECT_EQ(cell(1, "replication_sync_state"), "async");
    EXPECT_THAT(cell(1, "last_status_change"),
                MatchesRegex("[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}"));
}

TEST_F(PoolShow, WhatTheOperatorOrderedAndWhatTheServerIs) {
    add("pg-0", node_role::primary, node_health::up).order = node_order::detached;
    add("pg-1", node_role::standby, node_health::down);
    EXPECT_EQ(cell(0, "status"), "down");
    EXPECT_EQ(cell(0, "pg_status"), "up");
    EXPECT_EQ(cell(0, "role"), "standby") << "it is not the one that writes go to";
    EXPECT_EQ(cell(0, "pg_role"), "primary");
    EXPECT_EQ(cell(1, "status"), "down");
    EXPECT_EQ(cell(1, "pg_status"), "down");
}

TEST_F(PoolShow, UnknownIsNotShownAsGood) {
    add("pg-0", node_role::unknown, node_health::unknown).role_epoch = 0;
    add("pg-1", node_role::standby, node_health::unknown);
    EXPECT_EQ(cell(0, "status"), "waiting");
    EXPECT_EQ(cell(0, "pg_status"), "unknown");
    EXPECT_EQ(cell(0, "pg_role"), "unknown");
    EXPECT_EQ(cell(0, "replication_delay"), "");
    EXPECT_EQ(cell(1, "status"), "down");
}

TEST_F(PoolShow, DiscoveredNodesHaveTheirAddressesAndVacantOnesNoRow) {
    add("headless", node_role::standby, node_health::up).is_vacant = true;
    auto& found = add("headless", node_role::standby, node_health::up);
    found.is_discovered = true;
    found.address = "10.0.0.7";
    EXPECT_EQ(pool_nodes_table(view_, {}, {}).rows.size(), 1U);
    EXPECT_EQ(cell(0, "node_id"), "1");
    EXPECT_EQ(cell(0, "hostname"), "10.0.0.7");
    EXPECT_EQ(cell(0, "lb_weight"), "1.000000");
}

TEST_F(PoolShow, VersionAndCache) {
    EXPECT_TRUE(is_pool_topic("pool_nodes"));
    EXPECT_FALSE(is_pool_topic("pool_size"));
    EXPECT_THAT(pool_version_table("1.2.3").rows, ElementsAre(ElementsAre("4.7.2 (pgweir 1.2.3)")));
    const auto cache = pool_cache_table();
    EXPECT_EQ(cache.columns.size(), 9U);
    EXPECT_EQ(cache.rows.at(0).size(), 9U);
}

} // namespace
} // namespace pgweir
