// The tables of settings: one row per key, holding all there is to say about it. Parsing, SHOW
// CONFIG, the help and the reference are made from these rows, so a setting is added by one field
// in settings.hpp and one row here.
#pragma once

#include "proxy/config/settings.hpp"
#include "proxy/config/values.hpp"

#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace pgweir {

/// When a changed value takes effect.
enum class applies : std::uint8_t { on_reload, on_restart };

struct setting_row {
    std::string_view name;
    applies when = applies::on_reload;
    bool is_secret = false;
    value_limits limits;
    std::string_view documentation; // one paragraph of Markdown
    std::string (*allowed)(const value_limits& limits) = nullptr;
    parse_error (*parse)(const raw_value& raw,
                         const value_limits& limits,
                         settings& into) = nullptr;
    std::string (*format)(const settings& from, const value_limits& limits) = nullptr;
    bool (*differs)(const settings& one, const settings& other) = nullptr;
    void (*copy)(const settings& from, settings& to) = nullptr;
};

struct setting_group {
    std::string_view title;
    std::string_view introduction;
    std::span<const setting_row> rows;
};

/// All settings, in the order in which they are documented.
[[nodiscard]] std::span<const setting_group> setting_groups();
/// Null if there is no such key.
[[nodiscard]] const setting_row* find_setting(std::string_view name);

/// A key of [databases.NAME] or [users.NAME]; means what the general setting of that name means
/// (`password` and `route` exist only here).
struct override_row {
    std::string_view name;
    bool for_databases = true;
    bool for_users = true;
    value_limits limits;
    std::string_view documentation;
    std::string (*allowed)(const value_limits& limits) = nullptr;
    parse_error (*parse)(const raw_value& raw,
                         const value_limits& limits,
                         override_settings& into) = nullptr;
};
[[nodiscard]] std::span<const override_row> override_rows();
[[nodiscard]] const override_row* find_override(std::string_view name);

// ---- how rows are made
// ----------------------------------------------------------------------------

template <class T> [[nodiscard]] std::string allowed_for(const value_limits& limits) {
    if constexpr (std::is_same_v<T, bool>)
        return "true or false";
    else if constexpr (std::is_integral_v<T>) {
        auto clipped = limits;
        clipped.max = std::min<std::uint64_t>(limits.max, std::numeric_limits<T>::max());
        return allowed_number(clipped);
    } else if constexpr (std::is_same_v<T, byte_count>)
        return allowed_bytes(limits);
    else if constexpr (std::is_same_v<T, std::chrono::milliseconds>)
        return allowed_duration(limits);
    else if constexpr (std::is_same_v<T, file_mode>)
        return "permission bits in octal";
    else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, secret>)
        return "a text";
    else if constexpr (std::is_same_v<T, consistency_setting>)
        return "session, session:strict, eventual, primary or bounded:<milliseconds>";
    else if constexpr (word_setting<T>)
        return "one of " + allowed_words<T>();
    else if constexpr (std::is_same_v<T, std::vector<node_setting>>)
        return "a list of [dns:]host[:port[:weight]]";
    else if constexpr (std::is_same_v<T, std::vector<redirect_preference>>)
        return "a list of pattern:target(ratio)";
    else
        return limits.separator == ';' ? "a list, separated by semicolons"
                                       : "a list, separated by commas";
}

template <class> struct member_of;
template <class Class, class Type> struct member_of<Type Class::*> {
    using type = Type;
};

template <auto Member>
[[nodiscard]] constexpr setting_row
row(std::string_view name, applies when, value_limits limits, std::string_view documentation) {
    using type = typename member_of<decltype(Member)>::type;
    setting_row made;
    made.name = name;
    made.when = when;
    made.is_secret = std::is_same_v<type, secret>;
    made.limits = limits;
    made.documentation = documentation;
    made.allowed = &allowed_for<type>;
    made.parse = [](const raw_value& raw, const value_limits& within, settings& into) {
        return parse_value(raw, within, into.*Member);
    };
    made.format = [](const settings& from, [[maybe_unused]] const value_limits& within) {
        if constexpr (std::is_same_v<type, std::vector<std::string>>)
            return format_value(from.*Member, within.separator);
        else
            return format_value(from.*Member);
    };
    made.differs = [](const settings& one, const settings& other) {
        return one.*Member != other.*Member;
    };
    made.copy = [](const settings& from, settings& to) { to.*Member = from.*Member; };
    return made;
}

} // namespace pgweir
