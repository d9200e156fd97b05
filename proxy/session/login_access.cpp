#include "proxy/session/login_access.hpp"

#include "protocol/error_response.hpp"
#include "proxy/access/host_lookup.hpp"
#include "proxy/access/ldap.hpp"
#include "proxy/access/pam.hpp"
#include "proxy/log.hpp"
#include "proxy/net/peer_certificate.hpp"
#include "proxy/session/role_query.hpp"
#include "proxy/worker.hpp"

#include <spdlog/spdlog.h>
#include <sys/socket.h>

namespace pgweir {

namespace {

/// What is being found out about one login.
struct access_question {
    access_question(login_attempt& attempt, const login_claim& claimed);

    login_attempt& l;
    const login_claim& claim;
    admission found;
    hba_client client;
    hba_knowledge known;
    role_names_ptr roles;
    std::vector<host_network> networks;

    void refuse(std::string_view sqlstate, std::string text, std::string why) {
        found.sqlstate = sqlstate;
        found.text = std::move(text);
        found.why = std::move(why);
        if (found.rule != nullptr && found.rules->from_file)
            found.why += (found.why.empty() ? "by " : ", by ") + found.rule->place();
    }
    void refuse_authentication(const std::string& method, std::string why) {
        refuse(protocol::sqlstate::invalid_authorization_specification,
               method + " authentication failed for user \"" + claim.user + "\"", std::move(why));
    }
};

/// PostgreSQL's words for whom no rule fits, or one that rejects.
std::string words_for(const access_question& q, bool rejected) {
    const bool replication = q.claim.physical_replication;
    std::string text = rejected ? "pg_hba.conf rejects " : "no pg_hba.conf entry for ";
    if (replication)
        text += rejected ? "replication connection for " : "replication connection from ";
    else if (rejected)
        text += "connection for ";
    text.append("host \"").append(q.l.local ? "[local]" : host_of(q.l.peer));
    text += "\", user \"" + q.claim.user + "\", ";
    if (!replication) text += "database \"" + q.claim.database + "\", ";
    return text + (q.client.tls ? "SSL encryption" : "no encryption");
}

void refuse_by_rules(access_question& q, bool rejected, std::string why = {}) {
    q.refuse(protocol::sqlstate::invalid_authorization_specification, words_for(q, rejected),
             std::move(why));
}

access_question::access_question(login_attempt& attempt, const login_claim& claimed)
    : l{attempt}, claim{claimed} {
    found.rules = l.owner.live()->access;
    client.local = l.local;
    client.tls = l.io->is_tls();
    client.database = claim.database;
    client.user = claim.user;
    client.physical_replication = claim.physical_replication;
    if (l.local) return;
    if (!l.address) {
        refuse_by_rules(*this, false, "its address is none");
        return;
    }
    client.address = *l.address;
    if (!found.rules->hba.asks_own_networks) return;
    networks = own_networks();
    known.own_networks = networks;
}

/// False: they cannot be told, and the client is refused.
task<bool> learn_roles(access_question& q) {
    if (q.roles) co_return true;
    q.roles = q.l.owner.shared().roles.find(q.claim.user, worker::clock::now());
    if (!q.roles) {
        auto answer = co_await ask_for_roles(q.l.owner, q.claim.user, q.claim.database);
        q.roles = std::move(answer.roles);
        if (!q.roles)
            q.refuse(protocol::sqlstate::cannot_connect_now,
                     "pgweir: the roles of the user cannot be asked for now",
                     std::move(answer.why));
    }
    q.known.roles = q.roles.get();
    co_return q.roles != nullptr;
}

task<> learn_host_name(access_question& q) {
    auto answer =
        co_await find_host_name(*q.l.owner.shared().checks, q.l.owner.executor(), q.client.address);
    if (!answer.is_known)
        spdlog::warn("the name service does not tell the name of a client peer={}", q.l.peer);
    q.known.host = std::move(answer);
}

bool depends(const hba_choice& choice) {
    return choice.what == hba_choice::kind::needs_roles ||
           choice.what == hba_choice::kind::needs_host_name;
}

/// What the choice of a rule depends on. False: refused.
task<bool> learn(access_question& q, hba_choice::kind what) {
    if (what == hba_choice::kind::needs_host_name) {
        co_await learn_host_name(q);
        co_return true;
    }
    const bool told = co_await learn_roles(q);
    co_return told;
}

/// False: no rule fits, or one that rejects, and the client is refused.
bool take_rule(access_question& q, const hba_choice& choice) {
    q.found.rule = choice.rule;
    if (choice.rule != nullptr && choice.rule->method != login_method::reject) return true;
    refuse_by_rules(q, choice.rule != nullptr);
    return false;
}

/// Whether the rule's map lets `system_user` be the user that it says.
task<bool> fits_map(access_question& q, std::string system_user) {
    for (;;) {
        const auto match = may_be(q.found.rules->maps, q.found.rule->map, system_user, q.claim.user,
                                  q.roles.get());
        if (match != name_match::depends_on_roles) co_return match == name_match::yes;
        const bool told = co_await learn_roles(q);
        if (!told) co_return false;
    }
}

task<> demand_certificate(access_question& q) {
    const auto shown = verified_identity(*q.l.io);
    if (!shown)
        co_return q.refuse(protocol::sqlstate::invalid_authorization_specification,
                           "connection requires a valid client certificate", {});
    if (q.found.rule->certificate != certificate_demand::verify_full) co_return;
    // A subject without a name is nobody, whatever else it says of him.
    auto name = shown->common_name;
    if (!name.empty() && q.found.rule->by_distinguished_name) name = shown->distinguished_name;
    const bool fits = co_await fits_map(q, name);
    if (!fits && !q.found.refused())
        q.refuse_authentication("certificate",
                                "the certificate is of " + shown->distinguished_name);
}

task<> demand_system_user(access_question& q) {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (::getsockopt(q.l.io->socket().native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
        co_return q.refuse_authentication("Peer", "the kernel does not tell who it is");
    auto name =
        co_await find_system_user(*q.l.owner.shared().checks, q.l.owner.executor(), peer.uid);
    const bool fits = co_await fits_map(q, name);
    if (!fits && !q.found.refused())
        q.refuse_authentication("Peer", name.empty() ? "system user " + std::to_string(peer.uid) +
                                                           " has no name"
                                                     : "the system user is " + name);
}

/// More than a password.
bool demands_more(const hba_rule& rule) {
    return rule.certificate != certificate_demand::none || rule.method == login_method::peer;
}

} // namespace

std::optional<admission> find_admission_at_once(login_attempt& l, const login_claim& claim) {
    access_question q{l, claim};
    if (!q.found.refused()) {
        const auto choice = choose_rule(q.found.rules->hba, q.client, q.known);
        if (depends(choice)) return std::nullopt;
        if (take_rule(q, choice) && demands_more(*q.found.rule)) return std::nullopt;
    }
    return std::move(q.found);
}

task<admission> find_admission(login_attempt& l, login_claim claim) {
    access_question q{l, claim};
    if (q.found.refused()) co_return std::move(q.found);
    const auto& rules = q.found.rules->hba;
    auto choice = choose_rule(rules, q.client, q.known);
    while (depends(choice)) {
        const bool told = co_await learn(q, choice.what);
        if (!told) co_return std::move(q.found);
        choice = choose_rule(rules, q.client, q.known);
    }
    const bool admitted = take_rule(q, choice);
    if (admitted && q.found.rule->certificate != certificate_demand::none)
        co_await demand_certificate(q);
    else if (admitted && q.found.rule->method == login_method::peer)
        co_await demand_system_user(q);
    co_return std::move(q.found);
}

task<password_verdict>
check_elsewhere(login_attempt& l, admission& by, std::string user, std::string password) {
    auto& threads = *l.owner.shared().checks;
    const auto& s = l.owner.settings();
    if (by.rule->method == login_method::ldap) {
        auto verdict = co_await check_ldap(threads, l.owner.executor(), by.rule->ldap,
                                           ldap_limits_of(s), std::move(user), std::move(password));
        co_return verdict;
    }
    pam_question question;
    question.service = by.rule->pam_service;
    question.user = std::move(user);
    question.password = std::move(password);
    if (!l.local) question.client = host_of(l.peer);
    question.patience = s.pam_timeout;
    if (by.rule->pam_uses_host_name && !l.local) {
        const auto address = parse_host_address(question.client);
        auto named =
            co_await find_host_name(threads, l.owner.executor(), address.value_or(host_address{}));
        if (!named.name.empty()) question.client = std::move(named.name);
    }
    auto verdict = co_await check_pam(threads, l.owner.executor(), std::move(question));
    co_return verdict;
}

} // namespace pgweir
