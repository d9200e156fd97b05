// "Probe in doubt" (design section 5): the truth about a session's state is asked of its server.
// The text that asks, and what the answer means for the followed parameters and the pins. Pure.
//
// Asked only while the connection rests with status 'I': no transaction-local setting, lock or
// cursor exists then, and the text's own transaction leaves nothing behind.
//
// Not visible, to no role: the random seed, sequence state, loaded libraries, large objects, dblink
// connections and globals of procedural languages. A role without pg_read_all_settings does not see
// dynamic_library_path and the few others of `is_hidden_parameter`; replication origins are a
// superuser's.
#pragma once

#include "protocol/error.hpp"
#include "proxy/pool/backend_state.hpp"
#include "proxy/session/pins.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

/// A set of the parts of a session's state; each is one short statement of the probe.
enum class probe_parts : std::uint16_t {
    none = 0,
    identity = 1 << 0,          // session_authorization and role
    named = 1 << 1,             // the parameters of probe_request::names, custom ones included
    parameters = 1 << 2,        // every parameter that SET has touched: by far the dearest
    prepared = 1 << 3,          // prepared statements
    cursors = 1 << 4,           // WITH HOLD
    channels = 1 << 5,          // LISTEN
    advisory_locks = 1 << 6,    // takes every lock partition of the server in turn
    temporary_objects = 1 << 7, // what the temporary schema holds; the schema itself stays for ever
    origin = 1 << 8,            // only where the server reports is_superuser = on: else an error
    /// After what may have done anything. The names are then all custom ones ever used there.
    visible = (1 << 8) - 1,
};

[[nodiscard]] constexpr probe_parts operator|(probe_parts a, probe_parts b) noexcept {
    return static_cast<probe_parts>(static_cast<unsigned>(a) | static_cast<unsigned>(b));
}
[[nodiscard]] constexpr probe_parts operator&(probe_parts a, probe_parts b) noexcept {
    return static_cast<probe_parts>(static_cast<unsigned>(a) & static_cast<unsigned>(b));
}
constexpr probe_parts& operator|=(probe_parts& a, probe_parts b) noexcept {
    return a = a | b;
}
/// All of `parts` are in `all`.
[[nodiscard]] constexpr bool has(probe_parts all, probe_parts parts) noexcept {
    return (all & parts) == parts;
}

/// Superuser's parameters that other roles may not read: never asked for by name, which would fail
/// the whole probe. Source: guc_tables.c, GUC_SUPERUSER_ONLY.
[[nodiscard]] bool is_hidden_parameter(std::string_view lower_case_name);

/// transaction_isolation and its like: their source may say 'session', but they end with each
/// transaction and are never replayed.
[[nodiscard]] bool is_of_transaction(std::string_view lower_case_name);

/// session_authorization and role: they have an order of their own.
[[nodiscard]] bool is_identity(std::string_view lower_case_name);

// --- Asking

struct probe_request {
    probe_parts parts = probe_parts::none;
    std::vector<std::string> names; // for `named`; bytes of the server's encoding
    // Against waiting for a safe snapshot: can be left out where default_transaction_isolation is
    // known not to be serializable.
    bool guarded = true;
};

/// One query string: up to one statement for each part, each with rows (kind, name, value) of text,
/// all ASCII, the same for PostgreSQL 13 to 18. Means the same whatever search_path, temporary
/// objects, role, client_encoding and standard_conforming_strings are; read-only; never run in a
/// parallel worker. Empty: nothing to ask.
///
/// The session's statement_timeout (for each of its statements) and lock_timeout hold: to switch
/// them off would hide what they are. A probe that fails has told nothing, and its transaction has
/// changed nothing: what was in doubt stays so. A deadline is the caller's to set.
[[nodiscard]] std::string probe_sql(const probe_request& request);

// --- The answer

struct probed_state {
    probe_parts parts = probe_parts::none; // what was asked
    std::string session_user;
    std::string role; // "none", or the name
    // Source 'session', by lower-case name; values in base units, as set_config takes them.
    // Reals have six digits: PostgreSQL shows no more.
    parameter_map parameters;
    std::set<std::string, std::less<>> privileged;           // those that only a superuser may set
    std::map<std::string, std::optional<std::string>> named; // nullopt: there is no such parameter
    std::vector<std::string> prepared;                       // by SQL's PREPARE
    std::size_t protocol_prepared = 0;                       // by Parse: how many with a name
    std::vector<std::string> cursors;
    std::vector<std::string> channels;
    std::vector<std::string> advisory_locks; // "classid/objid/objsubid mode"
    std::uint64_t temporary_objects = 0;
    bool origin = false;
};

/// Gathers the rows of an answer. Names and values become bytes of the server's encoding.
class probe_reader {
public:
    explicit probe_reader(probe_parts asked) { state_.parts = asked; }

    /// Errors: bad_value (a kind that was not asked for, or a value that is none of its kind),
    /// missing_field (NULL where none may be).
    [[nodiscard]] protocol::error_code add(std::optional<std::string_view> kind,
                                           std::optional<std::string_view> name,
                                           std::optional<std::string_view> value);

    /// Errors: missing_field (a part that always answers with a row has not).
    [[nodiscard]] protocol::result<probed_state> finish();

private:
    probed_state state_;
    probe_parts seen_ = probe_parts::none;
};

/// What a connection has when it has just logged in: what a session need not follow.
struct login_identity {
    std::string session_user;
    std::string role = "none"; // else by ALTER ROLE … SET role
};

/// What the connection carries, from what it was known to carry before and what the probe saw. The
/// session wants the same, and those of its start-up parameters that are missing there (RULES D).
/// Without `parameters`, a named one counts as set even if its value is the default.
[[nodiscard]] parameter_map
carried_after(const parameter_map& before, const probed_state& seen, const login_identity& login);

/// False: some parameter could not be set again by the user who logged in.
[[nodiscard]] bool can_follow(const probed_state& seen, bool login_is_superuser);

/// The pins that are left: those whose parts were asked are as seen, the others as before. `opaque`
/// ends when everything visible was asked; a parameter pin needs `parameters`.
[[nodiscard]] pin_set
pins_after(const pin_set& before, const probed_state& seen, bool login_is_superuser);

} // namespace pgweir
