#include "proxy/access/hba.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace pgweir {

namespace {

struct word_of_type {
    std::string_view word;
    hba_type type;
};
constexpr std::array<word_of_type, 6> type_words{{{"local", hba_type::local},
                                                  {"host", hba_type::host},
                                                  {"hostssl", hba_type::hostssl},
                                                  {"hostnossl", hba_type::hostnossl},
                                                  {"hostgssenc", hba_type::hostgssenc},
                                                  {"hostnogssenc", hba_type::hostnogssenc}}};

struct word_of_method {
    std::string_view word;
    login_method method;
};
constexpr std::array<word_of_method, 9> method_words{
    {{"trust", login_method::trust},
     {"reject", login_method::reject},
     {"password", login_method::password},
     {"md5", login_method::md5},
     {"scram-sha-256", login_method::scram_sha_256},
     {"cert", login_method::cert},
     {"peer", login_method::peer},
     {"ldap", login_method::ldap},
     {"pam", login_method::pam}}};
/// PostgreSQL's, and not provided.
constexpr std::array<std::string_view, 6> missing_methods{"ident", "gss",    "sspi",
                                                          "bsd",   "radius", "oauth"};

/// One line after the other of a file.
class rule_parser {
public:
    rule_parser(const hba_line& line, login_method general, std::vector<hba_problem>& problems)
        : line_{line}, general_{general}, problems_{problems} {}

    std::optional<hba_rule> run() {
        rule_.file = line_.file;
        rule_.line = line_.line;
        const bool read = read_type() &&
                          read_names(rule_.databases, "database", parse_database_name) &&
                          read_names(rule_.users, "role", parse_user_name) && read_address() &&
                          read_method() && read_options() && check();
        if (!read) return std::nullopt;
        return std::move(rule_);
    }

private:
    bool wrong(std::string what) {
        problems_.push_back({line_.file, line_.line, std::move(what)});
        return false;
    }

    /// The next field, which must be one word. Null: it is none; the problem is noted.
    const hba_token* one_token(const std::string& what) {
        if (next_ >= line_.fields.size()) {
            wrong("ends before its " + what);
            return nullptr;
        }
        const auto& field = line_.fields[next_++];
        if (field.size() > 1) {
            wrong("has more than one " + what);
            return nullptr;
        }
        return &field.front();
    }

    bool read_type() {
        const auto* const token = one_token("connection type");
        if (token == nullptr) return false;
        const auto* const found =
            std::ranges::find(type_words, std::string_view{token->text}, &word_of_type::word);
        if (found == type_words.end())
            return wrong("\"" + token->text + "\" is no connection type");
        rule_.type = found->type;
        return true;
    }

    template <class Parse>
    bool read_names(std::vector<hba_name>& into, const std::string& what, Parse parse) {
        if (next_ >= line_.fields.size()) return wrong("ends before its " + what);
        for (const auto& token : line_.fields[next_++]) {
            auto parsed = parse(token);
            if (!parsed) return wrong(parsed.error());
            into.push_back(std::move(*parsed));
        }
        return true;
    }

    bool read_address() {
        if (rule_.type == hba_type::local) return true;
        const auto* const token = one_token("IP address");
        if (token == nullptr) return false;
        auto& into = rule_.address;
        if (token->is_keyword("all")) {
            into.what = hba_address::kind::all;
            return true;
        }
        if (token->is_keyword("samehost") || token->is_keyword("samenet")) {
            into.what = token->text == "samehost" ? hba_address::kind::same_host
                                                  : hba_address::kind::same_net;
            return true;
        }
        auto parsed = parse_hba_address(token->text);
        if (!parsed) return wrong(parsed.error());
        into = std::move(parsed->address);
        if (!parsed->needs_mask) return true;
        const auto* const mask =
            one_token("mask (write the address as 10.0.0.0/8, or a mask behind it)");
        if (mask == nullptr) return false;
        auto network = parse_hba_mask(into.network.address, mask->text);
        if (!network) return wrong(network.error());
        into.network = *network;
        return true;
    }

    bool read_method() {
        const auto* const token = one_token("authentication method");
        if (token == nullptr) return false;
        const std::string_view word = token->text;
        if (word == "auth_method") {
            rule_.method = general_;
            return true;
        }
        // What PostgreSQL means by it on a Unix socket.
        if (word == "ident" && rule_.type == hba_type::local) {
            rule_.method = login_method::peer;
            return true;
        }
        const auto* const found = std::ranges::find(method_words, word, &word_of_method::word);
        if (found != method_words.end()) {
            rule_.method = found->method;
            return true;
        }
        if (std::ranges::find(missing_methods, word) != missing_methods.end())
            return wrong("the authentication method \"" + token->text +
                         "\" is not provided by pgweir; use scram-sha-256, cert, ldap or pam");
        return wrong("\"" + token->text + "\" is no authentication method");
    }

    bool read_options() {
        for (; next_ < line_.fields.size(); ++next_) {
            for (const auto& token : line_.fields[next_]) {
                const auto equals = token.text.find('=');
                if (equals == std::string::npos)
                    return wrong("the option \"" + token.text + "\" is not of the form name=value");
                if (!read_option(token.text.substr(0, equals), token.text.substr(equals + 1)))
                    return false;
            }
        }
        return true;
    }

    bool only_with(const std::string& name, bool fits, const std::string& what) {
        return fits || wrong("the option " + name + " is only for " + what);
    }

    bool read_option(const std::string& name, const std::string& value) {
        const auto method = rule_.method;
        const bool has_certificate = rule_.type == hba_type::hostssl;
        if (name == "map") {
            rule_.map = value;
            has_map_ = true;
            return true;
        }
        if (name == "clientcert")
            return only_with(name, has_certificate, "hostssl lines") && read_clientcert(value);
        if (name == "clientname") {
            if (value != "CN" && value != "DN")
                return wrong("clientname must be CN or DN, not \"" + value + "\"");
            rule_.by_distinguished_name = value == "DN";
            return only_with(name, has_certificate, "hostssl lines");
        }
        if (name == "pamservice") {
            rule_.pam_service = value;
            return only_with(name, method == login_method::pam, "method pam");
        }
        if (name == "pam_use_hostname") {
            if (value != "0" && value != "1")
                return wrong("pam_use_hostname must be 0 or 1, not \"" + value + "\"");
            rule_.pam_uses_host_name = value == "1";
            return only_with(name, method == login_method::pam, "method pam");
        }
        if (!is_ldap_option(name)) return wrong("there is no option \"" + name + "\"");
        ldap_.emplace_back(name, value);
        return only_with(name, method == login_method::ldap, "method ldap");
    }

    bool read_clientcert(const std::string& value) {
        if (value != "verify-ca" && value != "verify-full")
            return wrong("clientcert must be verify-ca or verify-full, not \"" + value + "\"");
        rule_.certificate =
            value == "verify-ca" ? certificate_demand::verify_ca : certificate_demand::verify_full;
        if (rule_.method == login_method::cert && value == "verify-ca")
            return wrong("clientcert can only be verify-full with method cert");
        return true;
    }

    /// What no single word can show.
    bool check() {
        const auto method = rule_.method;
        if (method == login_method::peer && rule_.type != hba_type::local)
            return wrong("method peer is only for local lines");
        if (method == login_method::cert) {
            if (rule_.type != hba_type::hostssl)
                return wrong("method cert is only for hostssl lines");
            rule_.certificate = certificate_demand::verify_full;
        }
        const bool uses_map =
            method == login_method::peer || rule_.certificate == certificate_demand::verify_full;
        if (has_map_ && !uses_map)
            return wrong(
                "the option map is only for methods peer and cert, and clientcert=verify-full");
        if (method != login_method::ldap) return true;
        auto asked = make_ldap_rule(ldap_);
        if (!asked) return wrong(asked.error());
        rule_.ldap = std::make_shared<const ldap_rule>(std::move(*asked));
        return true;
    }

    const hba_line& line_;
    login_method general_;
    std::vector<hba_problem>& problems_;
    std::size_t next_ = 0;
    hba_rule rule_;
    bool has_map_ = false;
    std::vector<rule_option> ldap_;
};

} // namespace

std::string_view name_of(login_method method) {
    const auto* const found = std::ranges::find(method_words, method, &word_of_method::method);
    return found == method_words.end() ? std::string_view{} : found->word;
}

hba_rules parse_hba(std::span<const hba_line> lines,
                    login_method general,
                    std::vector<hba_problem>& problems) {
    hba_rules made;
    for (const auto& line : lines) {
        auto rule = rule_parser{line, general, problems}.run();
        if (!rule) continue;
        const auto asks = [](const hba_name& name) { return name.asks_roles(); };
        made.asks_roles = made.asks_roles || std::ranges::any_of(rule->databases, asks) ||
                          std::ranges::any_of(rule->users, asks);
        made.asks_own_networks = made.asks_own_networks ||
                                 rule->address.what == hba_address::kind::same_host ||
                                 rule->address.what == hba_address::kind::same_net;
        made.rules.push_back(std::move(*rule));
    }
    return made;
}

} // namespace pgweir
