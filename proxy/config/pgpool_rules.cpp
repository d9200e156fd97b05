#include "proxy/config/pgpool_variables.hpp"

#include <string>

namespace pgweir {

namespace {

/// A name as one word of a rule, whatever it has in it.
std::string quoted(const std::string& name) {
    std::string text = "\"";
    for (const char c : name) {
        if (c == '"') text += '"';
        text += c;
    }
    return text + "\"";
}

} // namespace

void read_pgpool_rules(pgpool_variables& from, settings_draft& draft) {
    const bool wanted = from.take_switch("PGPOOL_ENABLE_POOL_HBA").value_or(true);
    if (!wanted) {
        draft.warning(
            from.where("PGPOOL_ENABLE_POOL_HBA"), "",
            "clear-text passwords are not handed through to the servers; auth_method holds");
    }
    const auto everybody = read_pgpool_ldap(from, draft);
    const auto file = from.take("PGPOOL_USER_HBA_FILE");
    const auto where = from.where("PGPOOL_USER_HBA_FILE");
    if (!everybody.empty() && (file || !wanted))
        draft.warning(from.where("PGPOOL_ENABLE_LDAP"), "",
                      wanted ? "has no effect: the lines of PGPOOL_USER_HBA_FILE hold, in which "
                               "method ldap has its own options"
                             : "has no effect while PGPOOL_ENABLE_POOL_HBA is no");
    if (file && wanted) return draft.set_text("hba_file", *file, where);
    if (file) draft.information(where, "", "has no effect while PGPOOL_ENABLE_POOL_HBA is no");
    const bool has_authorities = from.take_switch("PGPOOL_ENABLE_TLS").value_or(false) &&
                                 from.take("PGPOOL_TLS_CA_FILE").has_value();
    const bool is_trust = draft.values.auth_method == auth_method::trust;
    if (!wanted || (!has_authorities && !is_trust && everybody.empty())) return;
    raw_value lines;
    lines.form = raw_value::kind::list;
    if (has_authorities) lines.items.emplace_back("hostssl all all all cert");
    // The image never trusts the superuser, nor asks others for his password.
    if (is_trust || !everybody.empty()) {
        const auto user = quoted(from.take("PGPOOL_POSTGRES_USERNAME").value_or("postgres"));
        lines.items.push_back("local all " + user + " scram-sha-256");
        lines.items.push_back("host all " + user + " all scram-sha-256");
    }
    const auto method = everybody.empty() ? "auth_method" : everybody;
    lines.items.push_back("local all,replication all " + method);
    lines.items.push_back("host all,replication all all " + method);
    draft.set("hba_rules", lines,
              from.where(has_authorities ? "PGPOOL_TLS_CA_FILE" : "PGPOOL_AUTHENTICATION_METHOD"));
}

} // namespace pgweir
