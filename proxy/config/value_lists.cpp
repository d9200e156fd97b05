// Text forms of the settings that are lists or words of their own (see values.hpp).
#include "proxy/config/values.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

namespace pgweir {

namespace {

std::string_view trim(std::string_view text) {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t'))
        text.remove_prefix(1);
    while (!text.empty() && (text.back() == ' ' || text.back() == '\t'))
        text.remove_suffix(1);
    return text;
}

/// The items of a list, or of a text cut at its separator; blanks around items and empty items
/// dropped.
std::vector<std::string> items_of(const raw_value& raw, char separator) {
    if (raw.form == raw_value::kind::list) return raw.items;
    std::vector<std::string> items;
    std::string_view rest = raw.text;
    while (!rest.empty()) {
        const auto end = rest.find(separator);
        const auto item = trim(rest.substr(0, end));
        if (!item.empty()) items.emplace_back(item);
        rest = end == std::string_view::npos ? std::string_view{} : rest.substr(end + 1);
    }
    return items;
}

bool is_list_or_text(const raw_value& raw) {
    return raw.form == raw_value::kind::list || raw.form == raw_value::kind::text;
}

std::optional<double> decimal(std::string_view text) {
    double value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
    return value;
}

/// Shortest form that reads back the same.
std::string decimal_text(double value) {
    std::array<char, 32> buffer{};
    const auto [end, ec] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
    return {buffer.data(), ec == std::errc{} ? end : buffer.data()};
}

template <class T, class Format>
std::string joined(const std::vector<T>& items, char separator, Format format) {
    std::string all;
    for (const auto& item : items) {
        if (!all.empty()) all += separator;
        all += format(item);
    }
    return all;
}

/// Takes `dns:` off the front. "dns:5432" is port 5432 of a server that is called dns.
bool takes_discovery(std::string_view& text) {
    constexpr std::string_view prefix = "dns:";
    if (!text.starts_with(prefix)) return false;
    const auto name = text.substr(prefix.size());
    const auto host = name.substr(0, name.find(':'));
    if (host.empty() || host.find_first_not_of("0123456789") == std::string_view::npos)
        return false;
    text = name;
    return true;
}

/// [dns:]host[:port[:weight]], the host of an IPv6 address in brackets.
std::optional<node_setting> parse_node(std::string_view text) {
    node_setting node;
    node.is_discovered = takes_discovery(text);
    std::string_view rest;
    if (text.starts_with('[')) {
        const auto close = text.find(']');
        if (close == std::string_view::npos) return {};
        node.host = text.substr(1, close - 1);
        rest = text.substr(close + 1);
        if (!rest.empty() && !rest.starts_with(':')) return {};
    } else {
        const auto colon = text.find(':');
        node.host = text.substr(0, colon);
        rest = colon == std::string_view::npos ? std::string_view{} : text.substr(colon);
    }
    if (node.host.empty() || node.host.find_first_of(" \t\r\n\"'") != std::string::npos) return {};
    if (node.is_discovered && node.host.find_first_of("/@:[]") != std::string::npos) return {};
    if (rest.empty()) return node;
    rest.remove_prefix(1);
    const auto colon = rest.find(':');
    const auto port = rest.substr(0, colon);
    const auto [end, ec] = std::from_chars(port.data(), port.data() + port.size(), node.port);
    if (ec != std::errc{} || end != port.data() + port.size() || node.port == 0) return {};
    if (colon == std::string_view::npos) return node;
    const auto weight = decimal(rest.substr(colon + 1));
    if (!weight || *weight < 0) return {};
    node.weight = *weight;
    return node;
}

/// pattern:target[(ratio)]. The last colon separates: a pattern may contain others.
std::optional<redirect_preference> parse_redirect(std::string_view text) {
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) return {};
    redirect_preference preference;
    preference.pattern = trim(text.substr(0, colon));
    auto target = trim(text.substr(colon + 1));
    if (target.ends_with(')')) {
        const auto open = target.find('(');
        if (open == std::string_view::npos) return {};
        const auto ratio = decimal(target.substr(open + 1, target.size() - open - 2));
        if (!ratio || *ratio < 0 || *ratio > 1) return {};
        preference.ratio = *ratio;
        target = trim(target.substr(0, open));
    }
    const bool number =
        !target.empty() && target.find_first_not_of("0123456789") == std::string_view::npos;
    if (!number && target != "primary" && target != "standby") return {};
    preference.target = target;
    return preference;
}

constexpr std::array<std::pair<std::string_view, pool_mode>, 3> pool_modes{
    {{"transaction", pool_mode::transaction},
     {"session", pool_mode::session},
     {"statement", pool_mode::statement}}};
constexpr std::array<std::pair<std::string_view, auth_method>, 4> auth_methods{
    {{"trust", auth_method::trust},
     {"password", auth_method::password},
     {"md5", auth_method::md5},
     {"scram-sha-256", auth_method::scram_sha_256}}};
constexpr std::array<std::pair<std::string_view, tls_mode>, 6> tls_modes{
    {{"disable", tls_mode::disable},
     {"allow", tls_mode::allow},
     {"prefer", tls_mode::prefer},
     {"require", tls_mode::require},
     {"verify-ca", tls_mode::verify_ca},
     {"verify-full", tls_mode::verify_full}}};
constexpr std::array<std::pair<std::string_view, ldap_certificates>, 4> certificate_demands{
    {{"never", ldap_certificates::never},
     {"allow", ldap_certificates::allow},
     {"try", ldap_certificates::try_},
     {"demand", ldap_certificates::demand}}};
constexpr std::array<std::pair<std::string_view, log_level>, 4> log_levels{
    {{"debug", log_level::debug},
     {"info", log_level::info},
     {"warning", log_level::warning},
     {"error", log_level::error}}};
constexpr std::array<std::pair<std::string_view, log_format>, 2> log_formats{
    {{"text", log_format::text}, {"json", log_format::json}}};
constexpr std::array<std::pair<std::string_view, forced_route>, 3> routes{
    {{"auto", forced_route::automatic},
     {"primary", forced_route::primary},
     {"standby", forced_route::standby}}};
constexpr std::array<std::pair<std::string_view, ready_condition>, 2> ready_conditions{
    {{"any", ready_condition::any}, {"primary", ready_condition::primary}}};
constexpr std::array<std::pair<std::string_view, primary_reads>, 3> primary_reads_words{
    {{"fallback", primary_reads::fallback},
     {"balanced", primary_reads::balanced},
     {"never", primary_reads::never}}};

} // namespace

word_list<pool_mode> words_of(pool_mode) {
    return pool_modes;
}
word_list<auth_method> words_of(auth_method) {
    return auth_methods;
}
word_list<tls_mode> words_of(tls_mode) {
    return tls_modes;
}
word_list<ldap_certificates> words_of(ldap_certificates) {
    return certificate_demands;
}
word_list<log_level> words_of(log_level) {
    return log_levels;
}
word_list<log_format> words_of(log_format) {
    return log_formats;
}
word_list<forced_route> words_of(forced_route) {
    return routes;
}
word_list<ready_condition> words_of(ready_condition) {
    return ready_conditions;
}
word_list<primary_reads> words_of(primary_reads) {
    return primary_reads_words;
}

std::string node_name(const node_setting& node) {
    const bool ipv6 = node.host.find(':') != std::string::npos;
    return (ipv6 ? "[" + node.host + "]" : node.host) + ":" + std::to_string(node.port);
}

parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::vector<std::string>& out) {
    if (!is_list_or_text(raw)) return "must be a text or a list of texts";
    out = items_of(raw, limits.separator);
    return {};
}

parse_error
parse_value(const raw_value& raw, const value_limits& limits, std::vector<node_setting>& out) {
    std::vector<node_setting> nodes;
    if (!is_list_or_text(raw)) return "must be a list of [dns:]host[:port[:weight]]";
    for (const auto& item : items_of(raw, limits.separator)) {
        auto node = parse_node(item);
        if (!node) {
            return "has the entry \"" + item +
                   "\"; each must be [dns:]host[:port[:weight]], an IPv6 address in brackets, the "
                   "port "
                   "from 1 to 65535, "
                   "the weight a number from 0";
        }
        nodes.push_back(std::move(*node));
    }
    out = std::move(nodes);
    return {};
}

parse_error parse_value(const raw_value& raw,
                        const value_limits& limits,
                        std::vector<redirect_preference>& out) {
    std::vector<redirect_preference> preferences;
    if (!is_list_or_text(raw)) return "must be a list of pattern:node(ratio)";
    for (const auto& item : items_of(raw, limits.separator)) {
        auto preference = parse_redirect(item);
        if (!preference) {
            return "has the entry \"" + item +
                   "\"; each must be pattern:target or pattern:target(ratio), the target primary, "
                   "standby or a "
                   "node's number, the ratio from 0 to 1";
        }
        preferences.push_back(std::move(*preference));
    }
    out = std::move(preferences);
    return {};
}

parse_error parse_value(const raw_value& raw, const value_limits&, consistency_setting& out) {
    constexpr std::string_view bounded = "bounded:";
    const auto text = trim(raw.text);
    const auto is_text = raw.form == raw_value::kind::text;
    if (is_text && text == "session")
        out = {consistency_level::session, {}, false};
    else if (is_text && text == "session:strict")
        out = {consistency_level::session, {}, true};
    else if (is_text && text == "eventual")
        out = {consistency_level::eventual, {}, false};
    else if (is_text && text == "primary")
        out = {consistency_level::primary, {}, false};
    else if (is_text && text.starts_with(bounded)) {
        std::uint32_t ms = 0;
        auto number = text.substr(bounded.size());
        if (number.ends_with("ms")) number.remove_suffix(2);
        const auto [end, ec] = std::from_chars(number.data(), number.data() + number.size(), ms);
        if (ec != std::errc{} || end != number.data() + number.size() || ms == 0) {
            return "has no whole number of milliseconds after bounded: (for example bounded:500)";
        }
        out = {consistency_level::bounded, std::chrono::milliseconds{ms}, false};
    } else {
        return "must be session, session:strict, eventual, primary or bounded:<milliseconds>";
    }
    return {};
}

std::string format_value(const std::vector<std::string>& value, char separator) {
    return joined(value, separator, [](const std::string& item) { return item; });
}

std::string format_value(const std::vector<node_setting>& value) {
    return joined(value, ',', [](const node_setting& node) {
        return (node.is_discovered ? "dns:" : "") + node_name(node) +
               (node.weight == 1.0 ? "" : ":" + decimal_text(node.weight));
    });
}

std::string format_value(const std::vector<redirect_preference>& value) {
    return joined(value, ',', [](const redirect_preference& one) {
        return one.pattern + ":" + one.target +
               (one.ratio == 1.0 ? "" : "(" + decimal_text(one.ratio) + ")");
    });
}

std::string format_value(const consistency_setting& value) {
    switch (value.level) {
    case consistency_level::session:
        return value.strict ? "session:strict" : "session";
    case consistency_level::eventual:
        return "eventual";
    case consistency_level::primary:
        return "primary";
    case consistency_level::bounded:
        break;
    }
    return "bounded:" + std::to_string(value.bound.count());
}

} // namespace pgweir
