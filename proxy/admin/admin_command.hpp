// The console's language: text -> commands. Words in any case, arguments bare or quoted, statements
// separated by `;`, comments as in SQL. Pure.
#pragma once

#include "proxy/cluster/cluster_view.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace pgweir {

enum class admin_word : std::uint8_t {
    show,
    reload,
    pause,
    resume,
    attach,
    detach,
    drain,
    kill_client,
    reconnect,
    switchover,
    shutdown,
    set,
};

/// What SHOW can be asked for.
enum class show_topic : std::uint8_t {
    pools,
    clients,
    servers,
    nodes,
    config,
    databases,
    users,
    stats,
    lists,
    version,
    state,
    help,
    parameter, // a run-time parameter that drivers ask for; its name is the argument
};

enum class shutdown_mode : std::uint8_t { now, wait_for_servers, wait_for_clients };

struct admin_command {
    admin_word word = admin_word::show;
    show_topic topic = show_topic::help;
    shutdown_mode shutdown = shutdown_mode::now;
    /// A node (SWITCHOVER: may be empty), a database (empty: all), a client's id, or the name of a
    /// parameter in lower case.
    std::string argument;
};

/// An ErrorResponse to be.
struct admin_error {
    std::string sqlstate;
    std::string message;
    std::string hint;
    std::string detail = {};
};

using admin_statement = std::variant<admin_command, admin_error>;

/// The statements of a text in order. Nothing follows an error. Empty if there is none.
[[nodiscard]] std::vector<admin_statement> parse_admin_text(std::string_view text);

/// The CommandComplete tag of a command.
[[nodiscard]] std::string_view tag_of(const admin_command& command) noexcept;

/// A node by its number, its name "host:port", or its host if only one node has that host.
[[nodiscard]] std::variant<std::uint16_t, admin_error> choose_node(const cluster_view& view,
                                                                   std::string_view wanted);

/// The client's id as a number; 0 if it is none.
[[nodiscard]] std::int32_t client_id_of(std::string_view text) noexcept;

/// The value that the console answers for a run-time parameter; null if it has none of that name.
[[nodiscard]] const std::string_view* console_parameter(std::string_view name) noexcept;

/// A parameter that drivers set at the start of each session and that means nothing here.
[[nodiscard]] bool is_driver_parameter(std::string_view name) noexcept;

/// What SHOW HELP says.
[[nodiscard]] std::string_view admin_help() noexcept;

} // namespace pgweir
