#include "proxy/session/session_probe.hpp"
#include "proxy/session/state_sql.hpp"

namespace pgweir {

namespace {

constexpr std::string_view hex_digits = "0123456789abcdef";

/// SELECT set_config(…) IS NULL, …: a target list is worked off from left to right. The values do
/// not come back, since client_encoding may have no room for them, which would be an error.
class setter {
public:
    void set(std::string_view name, std::string_view value) { add(name, quote_literal(value)); }
    /// As RESET does.
    void reset(std::string_view name) { add(name, "NULL"); }
    [[nodiscard]] std::string take() { return std::move(sql_); }

private:
    void add(std::string_view name, std::string_view value) {
        sql_ += sql_.empty() ? "SELECT " : ", ";
        sql_ += "pg_catalog.set_config(";
        sql_ += quote_literal(name);
        sql_ += ", ";
        sql_ += value;
        sql_ += ", false) IS NULL";
    }
    std::string sql_;
};

bool is_replayed(std::string_view name) {
    return !is_of_transaction(name) && !is_identity(name);
}

const std::string* value_of(const parameter_map& all, std::string_view name) {
    const auto it = all.find(name);
    return it == all.end() ? nullptr : &it->second;
}

bool agree(const std::string* left, const std::string* right) {
    return left == nullptr || right == nullptr ? left == right : *left == *right;
}

void change_parameters(setter& out, const parameter_map& carried, const parameter_map& wanted) {
    for (const auto& [name, value] : carried)
        if (is_replayed(name) && !wanted.contains(name)) out.reset(name);
    for (const bool off : {true, false})
        for (const auto& [name, value] : wanted)
            if (is_replayed(name) && (value == "off") == off &&
                !agree(value_of(carried, name), &value))
                out.set(name, value);
}

bool parameters_differ(const parameter_map& carried, const parameter_map& wanted) {
    setter any;
    change_parameters(any, carried, wanted);
    return !any.take().empty();
}

} // namespace

std::string quote_literal(std::string_view text) {
    bool escapes = false;
    for (const char c : text)
        escapes = escapes || c == '\\' || static_cast<unsigned char>(c) >= 0x80;
    std::string quoted = escapes ? " E'" : "'";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte >= 0x80) {
            quoted += "\\x";
            quoted += hex_digits[byte >> 4U];
            quoted += hex_digits[byte & 0xFU];
            continue;
        }
        if (c == '\'' || c == '\\') quoted += c;
        quoted += c;
    }
    quoted += '\'';
    return quoted;
}

std::string quote_identifier(std::string_view text) {
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += c;
        quoted += c;
    }
    quoted += '"';
    return quoted;
}

std::string state_change_sql(const parameter_map& carried, const parameter_map& wanted) {
    constexpr std::string_view user = "session_authorization";
    const auto* const old_user = value_of(carried, user);
    const auto* const new_user = value_of(wanted, user);
    const auto* const old_role = value_of(carried, "role");
    const auto* const new_role = value_of(wanted, "role");
    const bool user_changes = !agree(old_user, new_user);
    const bool as_login = parameters_differ(carried, wanted);

    setter out;
    if (as_login && old_user != nullptr) out.reset(user);
    if (as_login && (old_user != nullptr || old_role != nullptr)) out.set("role", "none");
    change_parameters(out, carried, wanted);
    if (new_user != nullptr && (user_changes || as_login)) out.set(user, *new_user);
    if (new_user == nullptr && user_changes && !as_login) out.reset(user);
    // Another session user has no role until it is set again.
    const bool role_is_lost =
        user_changes || (as_login && (old_role != nullptr || old_user != nullptr));
    if (role_is_lost || !agree(old_role, new_role)) {
        if (new_role != nullptr) {
            out.set("role", *new_role);
        } else {
            out.reset("role");
        }
    }
    return out.take();
}

} // namespace pgweir
