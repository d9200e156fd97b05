#include "protocol/error_response.hpp"
#include "protocol/rows.hpp"
#include "proxy/admin/admin_tables.hpp"
#include "proxy/admin/console_answer.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr show_topic topics_with_rows[] = {
    show_topic::pools,  show_topic::clients,   show_topic::servers, show_topic::nodes,
    show_topic::config, show_topic::databases, show_topic::users,   show_topic::stats,
    show_topic::lists,  show_topic::version,   show_topic::state,
};

class AdminTables : public ::testing::Test {
protected:
    AdminTables() {
        add_node("one", node_role::primary, node_health::up);
        add_node("two", node_role::standby, node_health::up);
        view_.primary = 0;
        values_.users["ann"].password = secret{"hidden-word"};
        values_.users["ann"].pool_size = 7;
        values_.monitor_password = secret{"hidden-word"};
        values_.auth_password = secret{"hidden-word"};
        workers_.resize(2);
    }

    void add_node(const std::string& host, node_role role, node_health health) {
        node_view node;
        node.id = static_cast<std::uint16_t>(view_.nodes.size());
        node.host = host;
        node.name = host + ":5432";
        node.role = role;
        node.health = health;
        view_.nodes.push_back(node);
    }
    client_row& add_client(std::size_t worker, client_state state) {
        client_row row;
        row.id = ++last_client_;
        row.user = "ann";
        row.database = "shop";
        row.peer = "10.1.2.3:5000";
        row.local = "127.0.0.1:5432";
        row.state = state;
        workers_[worker].clients.push_back(row);
        return workers_[worker].clients.back();
    }
    server_row& add_server(std::size_t worker, std::uint16_t node, bool is_idle) {
        server_row row;
        row.id = (std::uint64_t{worker} << 48U) + ++last_server_;
        row.pool = {node, "shop", "ann"};
        row.is_idle = is_idle;
        workers_[worker].servers.push_back(row);
        return workers_[worker].servers.back();
    }
    [[nodiscard]] show_input input() const {
        return {workers_, view_, values_, pools_, paused_, all_paused_, 5, stats_, 10s, "pgweir 1"};
    }
    /// The value of a column in a row.
    static std::string at(show_topic topic, const admin_row& row, std::string_view name) {
        const auto columns = columns_of(topic);
        const auto found = std::ranges::find(columns, name, &admin_column::name);
        if (found == columns.end()) return "no such column";
        return row.at(static_cast<std::size_t>(found - columns.begin())).value_or("NULL");
    }

    std::vector<worker_snapshot> workers_;
    cluster_view view_;
    settings values_;
    std::vector<connection_budget::pool_figures> pools_;
    std::set<std::string, std::less<>> paused_;
    stats_figures stats_;
    bool all_paused_ = false;
    std::int32_t last_client_ = 0;
    std::uint64_t last_server_ = 0;
};

std::string names_of(show_topic topic) {
    std::string all;
    for (const auto& column : columns_of(topic))
        all += (all.empty() ? "" : " ") + std::string{column.name};
    return all;
}

TEST_F(AdminTables, ColumnsAreThoseOfPgbouncerWithOursBehind) {
    EXPECT_EQ(names_of(show_topic::pools),
              "database user cl_active cl_waiting cl_active_cancel_req cl_waiting_cancel_req "
              "sv_active sv_active_cancel sv_being_canceled sv_idle sv_used sv_tested sv_login "
              "maxwait maxwait_us pool_mode load_balance_hosts node");
    const std::string sockets =
        "type user database replication state addr port local_addr local_port connect_time "
        "request_time wait wait_us close_needed ptr link remote_pid tls application_name "
        "prepared_statements id ";
    EXPECT_EQ(names_of(show_topic::clients), sockets + "pinned");
    EXPECT_EQ(names_of(show_topic::servers), sockets + "node");
    EXPECT_EQ(names_of(show_topic::config), "key value default changeable");
    EXPECT_EQ(names_of(show_topic::lists), "list items");
    EXPECT_EQ(columns_of(show_topic::stats).size(), 25U);
    EXPECT_EQ(columns_of(show_topic::databases).size(), 17U);
    EXPECT_EQ(columns_of(show_topic::users).size(), 8U);
    EXPECT_TRUE(columns_of(show_topic::help).empty());
}

TEST_F(AdminTables, EveryRowHasAValueForEveryColumn) {
    add_client(0, client_state::idle);
    add_server(1, 1, true);
    connection_budget::pool_figures pool;
    pool.key = {1, "shop", "ann"};
    pools_.push_back(pool);
    for (const auto topic : topics_with_rows) {
        const auto rows = rows_of(topic, input());
        EXPECT_FALSE(rows.empty()) << static_cast<int>(topic);
        for (const auto& row : rows)
            EXPECT_EQ(row.size(), columns_of(topic).size()) << static_cast<int>(topic);
    }
}

TEST_F(AdminTables, NumbersAreNumbers) {
    add_client(0, client_state::waiting).waited = 3s + 5us;
    add_server(1, 1, false);
    for (const auto topic : topics_with_rows) {
        const auto columns = columns_of(topic);
        for (const auto& row : rows_of(topic, input())) {
            for (std::size_t i = 0; i < columns.size(); ++i) {
                if (columns[i].type == column_type::text || !row[i]) continue;
                if (columns[i].type == column_type::boolean)
                    EXPECT_TRUE(row[i] == "t" || row[i] == "f");
                else
                    EXPECT_EQ(row[i]->find_first_not_of("0123456789."), std::string::npos)
                        << columns[i].name;
            }
        }
    }
}

TEST_F(AdminTables, NoTableTellsASecret) {
    add_client(0, client_state::idle);
    for (const auto topic : topics_with_rows)
        for (const auto& row : rows_of(topic, input()))
            for (const auto& value : row)
                EXPECT_THAT(value.value_or(""), Not(HasSubstr("hidden-word")));
}

TEST_F(AdminTables, PoolsAreAddedUpOverWorkers) {
    add_server(0, 1, true);
    add_server(1, 1, true);
    auto& busy = add_server(1, 1, false);
    busy.client_id = 1;
    auto& client = add_client(1, client_state::active);
    client.node = 1;
    client.server_id = busy.id;
    workers_[0].pools.push_back({{1, "shop", "ann"}, 1, 2, 1500ms});
    workers_[1].pools.push_back({{1, "shop", "ann"}, 0, 1, 2s});
    const auto rows = pool_rows(input());
    ASSERT_EQ(rows.size(), 1U);
    const auto value = [&](const char* name) { return at(show_topic::pools, rows[0], name); };
    EXPECT_EQ(value("cl_active"), "1");
    EXPECT_EQ(value("cl_waiting"), "3");
    EXPECT_EQ(value("sv_active"), "1");
    EXPECT_EQ(value("sv_idle"), "2");
    EXPECT_EQ(value("sv_login"), "1");
    EXPECT_EQ(value("maxwait"), "2");
    EXPECT_EQ(value("maxwait_us"), "0");
    EXPECT_EQ(value("pool_mode"), "transaction");
    EXPECT_EQ(value("node"), "two:5432");
}

TEST_F(AdminTables, IdleClientsAreCountedAtThePrimaryAndQueuedOnesOnce) {
    add_client(0, client_state::idle);
    add_client(1, client_state::idle);
    add_client(1, client_state::waiting).in_queue = true; // its pool counts it
    add_client(1, client_state::waiting);                 // waits for a primary
    workers_[1].pools.push_back({{1, "shop", "ann"}, 0, 1, 0s});
    const auto rows = pool_rows(input());
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(at(show_topic::pools, rows[0], "node"), "one:5432");
    EXPECT_EQ(at(show_topic::pools, rows[0], "cl_active"), "2");
    EXPECT_EQ(at(show_topic::pools, rows[0], "cl_waiting"), "1");
    EXPECT_EQ(at(show_topic::pools, rows[1], "cl_waiting"), "1");
}

TEST_F(AdminTables, ServersUnderCancelAreNeitherIdleNorActive) {
    auto& held = add_server(0, 0, false);
    held.cancel_under_way = true;
    held.client_id = 4;
    add_server(0, 0, true).cancel_under_way = true;
    const auto rows = pool_rows(input());
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(at(show_topic::pools, rows[0], "sv_active_cancel"), "1");
    EXPECT_EQ(at(show_topic::pools, rows[0], "sv_being_canceled"), "1");
    EXPECT_EQ(at(show_topic::pools, rows[0], "sv_idle"), "0");
    EXPECT_EQ(at(show_topic::pools, rows[0], "sv_active"), "0");
}

TEST_F(AdminTables, ClientsAndServersAreLinked) {
    auto& server = add_server(1, 0, false);
    server.process_id = 4711;
    server.client_id = 1;
    auto& client = add_client(1, client_state::pinned);
    client.server_id = server.id;
    client.server_process_id = 4711;
    client.pins = "listen";
    const auto c = client_rows(input()).at(0);
    const auto s = server_rows(input()).at(0);
    EXPECT_EQ(at(show_topic::clients, c, "link"), at(show_topic::servers, s, "ptr"));
    EXPECT_EQ(at(show_topic::servers, s, "link"), at(show_topic::clients, c, "ptr"));
    EXPECT_EQ(at(show_topic::clients, c, "remote_pid"), "4711");
    EXPECT_EQ(at(show_topic::clients, c, "addr"), "10.1.2.3");
    EXPECT_EQ(at(show_topic::clients, c, "port"), "5000");
    EXPECT_EQ(at(show_topic::clients, c, "pinned"), "listen");
    EXPECT_EQ(at(show_topic::clients, c, "id"), "1");
    EXPECT_EQ(at(show_topic::servers, s, "addr"), "one");
    EXPECT_EQ(at(show_topic::servers, s, "state"), "active");
}

TEST_F(AdminTables, NodesTellTheOperatorsWordBeforeTheMonitors) {
    view_.nodes[0].order = node_order::detached;
    view_.nodes[1].order = node_order::attached;
    view_.nodes[1].health = node_health::down;
    view_.nodes[1].lag_bytes = 12;
    view_.nodes[1].sample.replay = lsn{0x16B374D848};
    const auto rows = node_rows(input());
    EXPECT_EQ(at(show_topic::nodes, rows[0], "status"), "detached");
    EXPECT_EQ(at(show_topic::nodes, rows[0], "health"), "up");
    EXPECT_EQ(at(show_topic::nodes, rows[0], "lag_bytes"), "NULL") << "unknown is not zero";
    EXPECT_EQ(at(show_topic::nodes, rows[0], "replay_lsn"), "NULL");
    EXPECT_EQ(at(show_topic::nodes, rows[1], "status"), "down");
    EXPECT_EQ(at(show_topic::nodes, rows[1], "lag_bytes"), "12");
    EXPECT_EQ(at(show_topic::nodes, rows[1], "replay_lsn"), "16/B374D848");
    EXPECT_EQ(at(show_topic::nodes, rows[1], "role"), "standby");
    EXPECT_EQ(at(show_topic::nodes, rows[1], "weight"), "1");
    view_.nodes[0].order = node_order::draining;
    EXPECT_EQ(status_of(view_.nodes[0]), "draining");
}

TEST_F(AdminTables, AnIdThatIsNobodysIsNotShown) {
    add_node("three", node_role::standby, node_health::up);
    view_.nodes[1] = node_view{};
    view_.nodes[1].id = 1;
    view_.nodes[1].is_vacant = true;
    view_.nodes[2].address = "10.0.0.3";
    const auto rows = node_rows(input());
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(at(show_topic::nodes, rows[1], "node_id"), "2");
    EXPECT_EQ(at(show_topic::nodes, rows[1], "address"), "10.0.0.3");
}

TEST_F(AdminTables, DatabasesSayWhetherTheyArePaused) {
    add_client(0, client_state::idle);
    values_.databases["other"];
    paused_.insert("shop");
    const auto rows = database_rows(input());
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(at(show_topic::databases, rows[0], "paused"), "0");
    EXPECT_EQ(at(show_topic::databases, rows[1], "name"), "shop");
    EXPECT_EQ(at(show_topic::databases, rows[1], "paused"), "1");
    EXPECT_EQ(at(show_topic::databases, rows[1], "current_client_connections"), "1");
    all_paused_ = true;
    EXPECT_EQ(at(show_topic::databases, database_rows(input())[0], "paused"), "1");
}

TEST_F(AdminTables, UsersShowTheirOwnLimits) {
    const auto rows = user_rows(input());
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(at(show_topic::users, rows[0], "pool_size"), "7");
    EXPECT_EQ(at(show_topic::users, rows[0], "pool_mode"), "");
}

TEST_F(AdminTables, StatsAreTotalsAndAveragesSinceTheStart) {
    stats_.transactions = 1000;
    stats_.transaction_time = 5s;
    const auto row = stats_rows(input()).at(0);
    EXPECT_EQ(at(show_topic::stats, row, "total_xact_count"), "1000");
    EXPECT_EQ(at(show_topic::stats, row, "avg_xact_count"), "100");
    EXPECT_EQ(at(show_topic::stats, row, "avg_xact_time"), "5000");
    EXPECT_EQ(at(show_topic::stats, row, "avg_query_count"), "0");
}

TEST(AdminAddress, IsSplitHoweverItIsWritten) {
    const auto check = [](std::string_view text, std::string_view address, int port) {
        const auto parts = split_address(text);
        EXPECT_EQ(parts.address, address) << text;
        EXPECT_EQ(parts.port, port) << text;
    };
    check("127.0.0.1:5432", "127.0.0.1", 5432);
    check("[::1]:5432", "::1", 5432);
    check("192.0.2.1:1", "192.0.2.1", 1);
    check("unix", "unix", 0);
    check("", "", 0);
}

TEST(AdminTime, IsWrittenAsPgbouncerDoes) {
    EXPECT_EQ(format_time(std::chrono::system_clock::time_point{1714564800s}),
              "2024-05-01 12:00:00 UTC");
}

TEST(ConsoleAnswer, RowsAndDescriptionsFitTogether) {
    std::string out;
    append_row_description(out, columns_of(show_topic::nodes));
    const auto described = protocol::decode_row_description(std::string_view{out}.substr(5));
    ASSERT_TRUE(described.has_value());
    ASSERT_EQ(described->fields.size(), 19U);
    EXPECT_EQ(described->fields[0].type_oid, 23U);
    EXPECT_EQ(described->fields[8].type_oid, 16U);
    std::string row;
    append_row(row, {"1", std::nullopt, ""});
    const auto values = protocol::decode_data_row(std::string_view{row}.substr(5));
    ASSERT_TRUE(values.has_value());
    EXPECT_EQ(values->values[0], "1");
    EXPECT_FALSE(values->values[1].has_value());
    EXPECT_EQ(values->values[2], "");
}

TEST(ConsoleAnswer, ErrorsCarryHints) {
    std::string out;
    append_error(out, {"42601", "no", "SHOW HELP"});
    const auto error = protocol::decode_error_response(std::string_view{out}.substr(5));
    ASSERT_TRUE(error.has_value());
    EXPECT_EQ(error->severity, "ERROR");
    EXPECT_EQ(error->hint, "SHOW HELP");
}

} // namespace
} // namespace pgweir
