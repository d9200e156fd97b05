#include "proxy/access/hba_name.hpp"

namespace pgweir {

namespace {

using parsed_name = boost::system::result<hba_name, std::string>;

/// What means the same in both columns.
parsed_name parse_common(const hba_token& token) {
    if (token.is_keyword("all")) return hba_name{hba_name::kind::all, token.text, nullptr};
    if (!token.text.starts_with('/')) return hba_name{hba_name::kind::name, token.text, nullptr};
    auto pattern = hba_pattern::compile(std::string_view{token.text}.substr(1));
    if (!pattern) return {boost::system::in_place_error, pattern.error()};
    return hba_name{hba_name::kind::pattern, token.text,
                    std::make_shared<const hba_pattern>(std::move(*pattern))};
}

} // namespace

parsed_name parse_database_name(const hba_token& token) {
    if (token.is_keyword("sameuser"))
        return hba_name{hba_name::kind::same_user, token.text, nullptr};
    if (token.is_keyword("samerole") || token.is_keyword("samegroup"))
        return hba_name{hba_name::kind::same_role, token.text, nullptr};
    if (token.is_keyword("replication"))
        return hba_name{hba_name::kind::replication, token.text, nullptr};
    return parse_common(token);
}

parsed_name parse_user_name(const hba_token& token) {
    if (!token.quoted && token.text.starts_with('+')) {
        return hba_name{hba_name::kind::member_of, token.text.substr(1), nullptr};
    }
    return parse_common(token);
}

name_match matches_user(const hba_name& one, std::string_view user, const role_names* roles) {
    const auto as_match = [](bool yes) { return yes ? name_match::yes : name_match::no; };
    switch (one.what) {
    case hba_name::kind::all:
        return name_match::yes;
    case hba_name::kind::member_of:
        if (!one.asks_roles()) return name_match::no;
        return roles == nullptr ? name_match::depends_on_roles
                                : as_match(roles->contains(as_server_sees(one.text)));
    case hba_name::kind::pattern:
        return as_match(one.pattern->search(user).has_value());
    default:
        return as_match(one.text == user);
    }
}

} // namespace pgweir
