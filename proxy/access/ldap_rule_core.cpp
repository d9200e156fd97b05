#include "proxy/access/ldap_rule.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

namespace pgweir {
namespace {

constexpr std::string_view user_mark = "$username";
constexpr std::array<std::string_view, 12> option_names{
    "ldapserver",       "ldapport",   "ldapscheme", "ldaptls",        "ldapprefix",
    "ldapsuffix",       "ldapbasedn", "ldapbinddn", "ldapbindpasswd", "ldapsearchattribute",
    "ldapsearchfilter", "ldapurl"};

/// What the options say before it is known whether they fit together.
struct ldap_options {
    std::string servers;
    std::string scheme = "ldap";
    std::uint16_t port = 0;
    bool tls = false;
    bool simple = false; // a prefix or suffix is there
    std::string attribute;
    std::string filter;
    ldap_rule rule;
};

std::optional<std::uint16_t> parse_port(std::string_view text) {
    std::uint16_t port = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), port);
    if (ec != std::errc{} || end != text.data() + text.size() || port == 0) return std::nullopt;
    return port;
}

std::optional<int> hex_digit(char c) {
    if (c >= '0' && c <= '9') return c - '0';
    if (c >= 'a' && c <= 'f') return c - 'a' + 10;
    if (c >= 'A' && c <= 'F') return c - 'A' + 10;
    return std::nullopt;
}

/// %XX undone; empty if something else follows a percent sign, or it is a zero byte.
std::optional<std::string> unescape_url(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (text.size() - i < 3) return std::nullopt;
        const auto high = hex_digit(text[i + 1]);
        const auto low = hex_digit(text[i + 2]);
        if (!high || !low || (*high == 0 && *low == 0)) return std::nullopt;
        out += static_cast<char>(*high * 16 + *low);
        i += 2;
    }
    return out;
}

std::optional<ldap_scope> parse_scope(std::string_view word) {
    if (word.empty() || word == "base") return ldap_scope::base; // RFC 4516
    if (word == "one") return ldap_scope::one;
    if (word == "sub") return ldap_scope::subtree;
    return std::nullopt;
}

/// host[:port] of a URL; an IPv6 address in brackets.
std::string read_authority(std::string_view text, ldap_options& into) {
    const auto bracket = text.rfind(']');
    const auto colon = text.rfind(':');
    if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
        const auto port = parse_port(text.substr(colon + 1));
        if (!port) return "ldapurl has a port that is none";
        into.port = *port;
        text = text.substr(0, colon);
    }
    const auto host = unescape_url(text);
    if (!host) return "ldapurl has a host that is none";
    into.servers = *host;
    return {};
}

/// scheme://host:port/base?attribute?scope?filter. Source: RFC 4516.
std::string read_url(std::string_view url, ldap_options& into) {
    const auto scheme = url.substr(0, url.find("://"));
    if (scheme.size() == url.size()) return "ldapurl must begin with ldap:// or ldaps://";
    into.scheme = scheme;
    url.remove_prefix(scheme.size() + 3);
    const auto slash = url.find_first_of("/?");
    if (auto wrong = read_authority(url.substr(0, slash), into); !wrong.empty()) return wrong;
    std::array<std::string_view, 5> parts; // base, attributes, scope, filter, extensions
    auto rest = slash == std::string_view::npos ? std::string_view{} : url.substr(slash);
    if (rest.starts_with('/')) rest.remove_prefix(1);
    for (auto& part : parts) {
        part = rest.substr(0, rest.find('?'));
        rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    }
    const auto base = unescape_url(parts[0]);
    const auto attribute = unescape_url(parts[1].substr(0, parts[1].find(',')));
    const auto scope = parse_scope(parts[2]);
    const auto filter = unescape_url(parts[3]);
    if (!base || !attribute || !filter) return "ldapurl has a % that is not followed by two digits";
    if (!scope) return "ldapurl has a scope other than base, one and sub";
    if (!parts[4].empty()) return "ldapurl has extensions, and none are known";
    into.rule.base_dn = *base;
    into.attribute = *attribute;
    into.rule.scope = *scope;
    into.filter = *filter;
    return {};
}

std::string read_option(const rule_option& option, ldap_options& into) {
    const auto& [name, value] = option;
    if (name == "ldapurl") return read_url(value, into);
    if (name == "ldaptls") {
        if (value != "0" && value != "1") return "ldaptls must be 0 or 1";
        into.tls = value == "1";
    } else if (name == "ldapport") {
        const auto port = parse_port(value);
        if (!port) return "ldapport must be a port, 1 to 65535";
        into.port = *port;
    } else if (name == "ldapscheme") {
        into.scheme = value;
    } else if (name == "ldapserver") {
        into.servers = value;
    } else if (name == "ldapprefix" || name == "ldapsuffix") {
        into.simple = true;
        (name == "ldapprefix" ? into.rule.prefix : into.rule.suffix) = value;
    } else if (name == "ldapbasedn") {
        into.rule.base_dn = value;
    } else if (name == "ldapbinddn") {
        into.rule.bind_dn = value;
    } else if (name == "ldapbindpasswd") {
        into.rule.bind_password.value = value;
    } else if (name == "ldapsearchattribute") {
        into.attribute = value;
    } else if (name == "ldapsearchfilter") {
        into.filter = value;
    } else {
        return name + " is no option of ldap";
    }
    return {};
}

/// What does not go together, as in parse_hba_line.
std::string contradiction(const ldap_options& options) {
    const auto& rule = options.rule;
    if (options.scheme != "ldap" && options.scheme != "ldaps")
        return "the scheme of LDAP must be ldap or ldaps";
    if (options.tls && options.scheme == "ldaps")
        return "ldaptls (StartTLS) and ldaps do not go together";
    if (options.servers.find_first_not_of(' ') == std::string::npos)
        return "ldap needs ldapserver, or an ldapurl with a host";
    const bool searches = !rule.base_dn.empty() || !rule.bind_dn.empty() ||
                          !rule.bind_password.empty() || !options.attribute.empty() ||
                          !options.filter.empty();
    if (options.simple && searches)
        return "ldapprefix and ldapsuffix do not go together with ldapbasedn, ldapbinddn, "
               "ldapbindpasswd, ldapsearchattribute, ldapsearchfilter and ldapurl";
    if (!options.simple && rule.base_dn.empty())
        return "ldap needs ldapbasedn, ldapprefix or ldapsuffix";
    if (!options.attribute.empty() && !options.filter.empty())
        return "ldapsearchattribute and ldapsearchfilter do not go together";
    return {};
}

bool is_ipv6(std::string_view host) {
    return host.find(':') != host.rfind(':');
}

/// Each of the servers, which blanks separate and of which each may have a port of its own.
std::vector<std::string> uris_of(const ldap_options& options) {
    const auto port = options.port != 0 ? options.port : options.scheme == "ldaps" ? 636 : 389;
    std::vector<std::string> uris;
    std::string_view rest = options.servers;
    while (!rest.empty()) {
        const auto host = rest.substr(0, rest.find(' '));
        rest.remove_prefix(std::min(rest.size(), host.size() + 1));
        if (host.empty()) continue;
        const bool bare = is_ipv6(host) && !host.starts_with('[');
        const auto colon = host.rfind(':');
        const bool has_port = !bare && colon != std::string_view::npos && !host.ends_with(']');
        auto uri =
            options.scheme + "://" + (bare ? "[" : "") + std::string{host} + (bare ? "]" : "");
        if (!has_port) uri += ":" + std::to_string(port);
        uris.push_back(std::move(uri));
    }
    return uris;
}

} // namespace

bool is_ldap_option(std::string_view name) noexcept {
    return std::ranges::find(option_names, name) != option_names.end();
}

boost::system::result<ldap_rule, std::string> make_ldap_rule(std::span<const rule_option> options) {
    ldap_options read;
    for (const auto& option : options)
        if (auto wrong = read_option(option, read); !wrong.empty()) return wrong;
    if (auto wrong = contradiction(read); !wrong.empty()) return wrong;
    auto rule = std::move(read.rule);
    rule.uris = uris_of(read);
    rule.start_tls = read.tls;
    if (!read.filter.empty())
        rule.filter = read.filter.starts_with('(') ? read.filter : "(" + read.filter + ")";
    else if (rule.searches())
        rule.filter = "(" + (read.attribute.empty() ? "uid" : read.attribute) + "=" +
                      std::string{user_mark} + ")";
    return rule;
}

std::string escape_for_ldap_filter(std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    std::string out;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '*' || c == '(' || c == ')' || c == '\\' || byte < 0x20 || byte >= 0x7F) {
            out += '\\';
            out += digits[byte >> 4U];
            out += digits[byte & 0x0FU];
        } else {
            out += c;
        }
    }
    return out;
}

std::string ldap_filter_for(const ldap_rule& rule, std::string_view user) {
    const auto escaped = escape_for_ldap_filter(user);
    std::string out;
    std::string_view rest = rule.filter;
    for (;;) {
        const auto at = rest.find(user_mark);
        out += rest.substr(0, at);
        if (at == std::string_view::npos) return out;
        out += escaped;
        rest.remove_prefix(at + user_mark.size());
    }
}

} // namespace pgweir
