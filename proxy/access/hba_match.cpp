#include "proxy/access/hba.hpp"

#include <algorithm>

namespace pgweir {

namespace {

bool fits_type(const hba_rule& rule, const hba_client& client) {
    switch (rule.type) {
    case hba_type::local:
        return client.local;
    case hba_type::hostssl:
        return !client.local && client.tls;
    case hba_type::hostnossl:
        return !client.local && !client.tls;
    case hba_type::hostgssenc: // no connection is encrypted by GSSAPI
        return false;
    case hba_type::host:
    case hba_type::hostnogssenc:
        break;
    }
    return !client.local;
}

name_match
matches_database(const hba_name& one, const hba_client& client, const role_names* roles) {
    const auto as_match = [](bool yes) { return yes ? name_match::yes : name_match::no; };
    const auto database = as_server_sees(client.database);
    // Physical replication is in no database: only its own word means it.
    if (client.physical_replication) return as_match(one.what == hba_name::kind::replication);
    switch (one.what) {
    case hba_name::kind::all:
        return name_match::yes;
    case hba_name::kind::same_user:
        return as_match(database == as_server_sees(client.user));
    case hba_name::kind::same_role:
        return roles == nullptr ? name_match::depends_on_roles
                                : as_match(roles->contains(database));
    case hba_name::kind::replication:
        return name_match::no;
    case hba_name::kind::pattern:
        return as_match(one.pattern->search(database).has_value());
    default:
        return as_match(one.text == database);
    }
}

/// `yes` if one of them is; `depends_on_roles` if none is but one may be.
template <class Match> name_match any_of(const std::vector<hba_name>& names, Match match) {
    auto all = name_match::no;
    for (const auto& one : names) {
        const auto found = match(one);
        if (found == name_match::yes) return found;
        if (found == name_match::depends_on_roles) all = found;
    }
    return all;
}

enum class fit : std::uint8_t { no, yes, needs_roles, needs_host_name };

fit fits(const hba_rule& rule, const hba_client& client, const hba_knowledge& known) {
    if (!fits_type(rule, client)) return fit::no;
    const bool by_name =
        rule.type != hba_type::local && rule.address.what == hba_address::kind::host_name;
    if (!client.local && !by_name && !is_from(rule.address, client.address, known.own_networks))
        return fit::no;
    const auto database = any_of(rule.databases, [&](const hba_name& one) {
        return matches_database(one, client, known.roles);
    });
    const auto user = any_of(rule.users, [&](const hba_name& one) {
        return matches_user(one, as_server_sees(client.user), known.roles);
    });
    if (database == name_match::no || user == name_match::no) return fit::no;
    if (by_name) {
        if (!known.host) return fit::needs_host_name;
        const bool named = known.host->is_known ? is_named(rule.address.name, known.host->name)
                                                : rule.method == login_method::reject;
        if (!named) return fit::no;
    }
    const bool depends =
        database == name_match::depends_on_roles || user == name_match::depends_on_roles;
    return depends ? fit::needs_roles : fit::yes;
}

} // namespace

hba_choice
choose_rule(const hba_rules& rules, const hba_client& client, const hba_knowledge& known) {
    for (const auto& rule : rules.rules) {
        switch (fits(rule, client, known)) {
        case fit::no:
            continue;
        case fit::yes:
            return {hba_choice::kind::rule, &rule};
        case fit::needs_roles:
            return {hba_choice::kind::needs_roles, nullptr};
        case fit::needs_host_name:
            return {hba_choice::kind::needs_host_name, nullptr};
        }
    }
    return {};
}

} // namespace pgweir
