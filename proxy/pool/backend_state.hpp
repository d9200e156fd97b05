// What a server connection carries from session to session, and what moves along when it changes
// its worker. Plain data.
#pragma once

#include "protocol/conversation.hpp"
#include "proxy/cluster/lsn.hpp"
#include "proxy/session/prepared_statements.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pgweir {

/// Names and values of run-time parameters, by lower-case name.
using parameter_map = std::map<std::string, std::string, std::less<>>;

using name_set = std::set<std::string, std::less<>>;

/// ASCII letters to lower case: how parameter names compare.
[[nodiscard]] std::string to_lower(std::string_view text);

/// The trace of having had temporary objects.
inline constexpr std::string_view temporary_schema_trace = "temporary schema";

/// What a session is served by without noticing that it is not the connection's first.
struct lease_needs {
    const name_set& traces; // that it has left itself
    bool unused = false;    // what it runs next is refused where some library is loaded already
};

/// Those of them that are custom parameters.
[[nodiscard]] name_set traces_of(const parameter_map& parameters);
[[nodiscard]] inline bool is_custom_name(std::string_view name) {
    return name.find('.') != std::string_view::npos;
}

/// Everything that moves along when a connection changes its worker.
struct backend_state {
    protocol::conversation conversation;
    parameter_map reported;       // what the server last reported by ParameterStatus
    parameter_map login_reported; // the same, right after login
    std::vector<std::pair<std::string, std::string>>
        welcome;           // the same, as spelt and in the server's order
    parameter_map carried; // what was set for a session and not undone
    // What sessions left here that nothing makes the server forget: custom parameters (a dot in
    // their name) stay as '' where they were unknown before (RULES A10), a temporary schema stays.
    name_set traces;
    bool used = false; // by some session
    prepared_set prepared;
    // The one session (its serial) whose statements may have used sequences here since the last
    // DISCARD SEQUENCES: currval and lastval are its own (RULES A13).
    std::uint64_t sequence_user = no_sequence_user;
    static constexpr std::uint64_t no_sequence_user = 0;
    static constexpr std::uint64_t several_sequence_users = ~std::uint64_t{0};
    std::int32_t process_id = 0;
    std::string secret_key;
    std::uint64_t login_look = 0;    // look counter when the login had finished (RULES A6)
    std::optional<lsn> login_replay; // standby: its replay position, asked for after the login
    bool read_committed_default = true;
    std::uint64_t role_epoch = 0; // of the node, when connected
    std::uint32_t generation = 0; // of the pool, when its opening began
    std::chrono::steady_clock::time_point connected{};
    std::chrono::steady_clock::time_point retire_at{};
    bool standby = false;
    int family = 0;

    /// Such a session cannot tell this connection from a fresh one.
    [[nodiscard]] bool suits(const lease_needs& needs) const;
};

} // namespace pgweir
