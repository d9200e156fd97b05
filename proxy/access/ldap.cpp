#include "proxy/access/ldap.hpp"

#include "protocol/wipe.hpp"

#include <ldap.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <optional>
#include <utility>

namespace pgweir {
namespace {

using outcome = password_verdict::outcome;

struct question {
    std::shared_ptr<const ldap_rule> rule;
    ldap_limits limits;
    std::string user;
    protocol::wiped_text password;
};

timeval as_timeval(std::chrono::milliseconds t) {
    return {t.count() / 1000, static_cast<suseconds_t>(t.count() % 1000) * 1000};
}

/// Reads and writes end in time wherever libldap makes them, in a TLS handshake too.
int bound_socket(LDAP*, Sockbuf* buffer, LDAPURLDesc*, sockaddr*, ldap_conncb* ours) {
    ber_socket_t fd = -1;
    ber_sockbuf_ctrl(buffer, LBER_SB_OPT_GET_FD, &fd);
    const auto* const limit = static_cast<const timeval*>(ours->lc_arg);
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, limit, sizeof *limit);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, limit, sizeof *limit);
    return LDAP_SUCCESS;
}
void forget_socket(LDAP*, Sockbuf*, ldap_conncb*) {}

int certificates_option(ldap_certificates wanted) {
    switch (wanted) {
    case ldap_certificates::never:
        return LDAP_OPT_X_TLS_NEVER;
    case ldap_certificates::allow:
        return LDAP_OPT_X_TLS_ALLOW;
    case ldap_certificates::try_:
        return LDAP_OPT_X_TLS_TRY;
    case ldap_certificates::demand:
        break;
    }
    return LDAP_OPT_X_TLS_DEMAND;
}

/// One conversation with one server. Errors are libldap's numbers.
class conversation_with_ldap {
public:
    conversation_with_ldap(const question& asked, std::string uri)
        : asked_{asked}, uri_{std::move(uri)}, limit_{as_timeval(asked.limits.timeout)} {}
    ~conversation_with_ldap() {
        if (ld_ != nullptr) ldap_unbind_ext_s(ld_, nullptr, nullptr);
    }
    conversation_with_ldap(const conversation_with_ldap&) = delete;
    conversation_with_ldap& operator=(const conversation_with_ldap&) = delete;

    password_verdict ask() {
        auto code = begin();
        if (code != LDAP_SUCCESS) return unavailable("cannot be asked", code);
        if (!asked_.rule->searches())
            return bind_user(asked_.rule->prefix + asked_.user + asked_.rule->suffix);
        const auto& own = asked_.rule->bind_password;
        const auto& reader = own.empty() ? asked_.limits.bind_password : own;
        code =
            bind(asked_.rule->bind_dn, asked_.rule->bind_dn.empty() ? std::string{} : reader.value);
        if (code != LDAP_SUCCESS) return unavailable("refuses ldapbinddn", code);
        std::string dn;
        std::size_t found = 0;
        code = search(dn, found);
        if (code != LDAP_SUCCESS && code != LDAP_NO_SUCH_OBJECT)
            return unavailable("cannot search", code);
        if (found == 1) return bind_user(dn);
        // A user who is not there costs as much as a wrong password.
        static_cast<void>(bind_user("cn=pgweir-no-such-user," + asked_.rule->base_dn));
        return {outcome::rejected,
                uri_ + " has " + (found == 0 ? "no entry" : "several entries") + " for this user"};
    }

private:
    password_verdict unavailable(std::string_view what, int code) const {
        std::string why = uri_ + " " + std::string{what} + ": " + ldap_err2string(code);
        char* more = nullptr;
        if (ld_ != nullptr) ldap_get_option(ld_, LDAP_OPT_DIAGNOSTIC_MESSAGE, &more);
        if (more != nullptr && *more != '\0') why += std::string{" ("} + more + ")";
        ldap_memfree(more);
        return {outcome::unavailable, std::move(why)};
    }

    int begin() {
        auto code = ldap_initialize(&ld_, uri_.c_str());
        if (code != LDAP_SUCCESS) return code;
        const int version = LDAP_VERSION3;
        ldap_set_option(ld_, LDAP_OPT_PROTOCOL_VERSION, &version);
        ldap_set_option(ld_, LDAP_OPT_REFERRALS, LDAP_OPT_OFF);
        ldap_set_option(ld_, LDAP_OPT_RESTART, LDAP_OPT_ON);
        ldap_set_option(ld_, LDAP_OPT_NETWORK_TIMEOUT, &limit_);
        ldap_set_option(ld_, LDAP_OPT_TIMEOUT, &limit_);
        callbacks_.lc_add = &bound_socket;
        callbacks_.lc_del = &forget_socket;
        callbacks_.lc_arg = &limit_;
        ldap_set_option(ld_, LDAP_OPT_CONNECT_CB, &callbacks_);
        const bool tls = asked_.rule->start_tls || uri_.starts_with("ldaps:");
        if (tls) code = prepare_tls();
        if (code == LDAP_SUCCESS && asked_.rule->start_tls)
            code = ldap_start_tls_s(ld_, nullptr, nullptr);
        return code;
    }

    int prepare_tls() {
        const int demand = certificates_option(asked_.limits.certificates);
        if (ldap_set_option(ld_, LDAP_OPT_X_TLS_REQUIRE_CERT, &demand) != LDAP_OPT_SUCCESS)
            return LDAP_LOCAL_ERROR;
        const auto& file = asked_.limits.ca_file;
        if (!file.empty() &&
            ldap_set_option(ld_, LDAP_OPT_X_TLS_CACERTFILE, file.c_str()) != LDAP_OPT_SUCCESS)
            return LDAP_LOCAL_ERROR;
        const int for_client = 0;
        return ldap_set_option(ld_, LDAP_OPT_X_TLS_NEWCTX, &for_client) == LDAP_OPT_SUCCESS
                   ? LDAP_SUCCESS
                   : LDAP_LOCAL_ERROR;
    }

    int bind(const std::string& dn, const std::string& password) {
        berval secret{password.size(), const_cast<char*>(password.data())};
        return ldap_sasl_bind_s(ld_, dn.c_str(), LDAP_SASL_SIMPLE, &secret, nullptr, nullptr,
                                nullptr);
    }

    password_verdict bind_user(const std::string& dn) {
        const auto code = bind(dn, asked_.password.text());
        if (code == LDAP_SUCCESS) return {outcome::accepted, {}};
        const bool could_not_be_asked = code < 0 || code == LDAP_BUSY || code == LDAP_UNAVAILABLE ||
                                        code == LDAP_CONFIDENTIALITY_REQUIRED;
        if (could_not_be_asked) return unavailable("cannot be asked", code);
        return {outcome::rejected, uri_ + " says: " + ldap_err2string(code)};
    }

    /// The name of the entry that the filter finds, if there is exactly one.
    int search(std::string& dn, std::size_t& found) {
        const auto filter = ldap_filter_for(*asked_.rule, asked_.user);
        const int scope = asked_.rule->scope == ldap_scope::base  ? LDAP_SCOPE_BASE
                          : asked_.rule->scope == ldap_scope::one ? LDAP_SCOPE_ONELEVEL
                                                                  : LDAP_SCOPE_SUBTREE;
        char no_attributes[] = LDAP_NO_ATTRS; // NOLINT: libldap takes char*
        char* attributes[] = {no_attributes, nullptr};
        LDAPMessage* answer = nullptr;
        constexpr int enough_to_see_two = 2;
        auto code =
            ldap_search_ext_s(ld_, asked_.rule->base_dn.c_str(), scope, filter.c_str(), attributes,
                              0, nullptr, nullptr, &limit_, enough_to_see_two, &answer);
        if (code == LDAP_SIZELIMIT_EXCEEDED) code = LDAP_SUCCESS;
        const auto entries = answer == nullptr ? 0 : ldap_count_entries(ld_, answer);
        found = entries < 0 ? 0 : static_cast<std::size_t>(entries);
        if (code == LDAP_SUCCESS && found == 1) {
            char* name = ldap_get_dn(ld_, ldap_first_entry(ld_, answer));
            if (name == nullptr) found = 0;
            if (name != nullptr) dn = name;
            ldap_memfree(name);
        }
        ldap_msgfree(answer);
        return code;
    }

    const question& asked_;
    std::string uri_;
    timeval limit_;
    ldap_conncb callbacks_{};
    LDAP* ld_ = nullptr;
};

/// The first server that can be asked decides.
password_verdict ask_servers(const question& asked) {
    password_verdict verdict;
    std::string failures;
    for (const auto& uri : asked.rule->uris) {
        conversation_with_ldap with{asked, uri};
        verdict = with.ask();
        if (verdict.what != outcome::unavailable) return verdict;
        failures += (failures.empty() ? "" : "; ") + verdict.why;
    }
    verdict.why = std::move(failures);
    return verdict;
}

} // namespace

ldap_limits ldap_limits_of(const settings& values) {
    return {values.ldap_timeout, values.ldap_tls_ca_file, values.ldap_tls_reqcert,
            values.ldap_bind_password};
}

task<password_verdict> check_ldap(check_threads& threads,
                                  io_executor back,
                                  std::shared_ptr<const ldap_rule> rule,
                                  ldap_limits limits,
                                  std::string user,
                                  std::string password) {
    password_verdict refused{outcome::rejected, "empty password"};
    if (password.empty()) co_return refused;
    const auto zero = std::string::npos;
    refused.why = "zero byte in user name or password";
    if (user.find('\0') != zero || password.find('\0') != zero) co_return refused;
    std::string place = "LDAP";
    for (const auto& uri : rule->uris)
        place += " " + uri;
    const auto patience = limits.timeout * 2 * static_cast<long>(rule->uris.size());
    auto asked = std::make_shared<question>(question{
        std::move(rule), std::move(limits), std::move(user), protocol::wiped_text{password}});
    protocol::wipe(password);
    std::function<password_verdict()> check = [asked] { return ask_servers(*asked); };
    asked.reset();
    auto verdict = co_await threads.run(back, std::move(place), patience, std::move(check));
    co_return verdict;
}

} // namespace pgweir
