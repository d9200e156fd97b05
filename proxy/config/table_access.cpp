// Settings: who may come in.
#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::uint64_t hour = 3'600'000;

constexpr std::array access_rows{
    row<&settings::auth_method>("auth_method",
                                applies::on_reload,
                                {},
                                "How clients prove who they are. `scram-sha-256` and `md5` check "
                                "against the secret known for the user; `md5` "
                                "uses SCRAM where only a SCRAM secret is known; `password` takes "
                                "it in clear; `trust` believes everybody. With rules (`hba_file`, "
                                "`hba_rules`) they say so instead."),
    row<&settings::hba_file>(
        "hba_file",
        applies::on_reload,
        {},
        "Rules in the form of PostgreSQL's pg_hba.conf (and of pgpool's pool_hba.conf): who may "
        "come in, from where, to which database, and how he proves who he is. The first line "
        "that fits decides; where none fits, nobody comes in. All of PostgreSQL's words are "
        "known; the methods are trust, reject, password, md5, scram-sha-256, cert, peer, ldap "
        "and pam. `+role` and `samerole` are asked of the servers by `auth_user` and remembered "
        "for `auth_cache_ttl`. Read again on a reload; a file with a mistake changes nothing and "
        "is reported with its line."),
    row<&settings::hba_rules>("hba_rules",
                              applies::on_reload,
                              {.separator = ';'},
                              "Lines of the same form, ahead of those of `hba_file`: for "
                              "deployments without such a file. As a method, `auth_method` "
                              "stands for what that setting says."),
    row<&settings::ident_file>(
        "ident_file",
        applies::on_reload,
        {},
        "Maps in the form of PostgreSQL's pg_ident.conf, for the option `map=` of rules by "
        "`peer`, `cert` and `clientcert=verify-full`."),
    row<&settings::users_file>(
        "users_file",
        applies::on_reload,
        {},
        "File of users and secrets in the form of PgBouncer's userlist.txt: lines of `\"user\" "
        "\"secret\"`. A secret is a plain password, `md5…` or `SCRAM-SHA-256$…`."),
    row<&settings::pool_passwd_file>(
        "pool_passwd_file",
        applies::on_reload,
        {},
        "File of users and secrets in the form of pgpool's pool_passwd: lines of `user:secret`. A "
        "secret is `AES…` as `pg_enc` writes it, `TEXT` and a plain password, `md5…`, "
        "`SCRAM-SHA-256$…`, or a plain password. Of a user that `users_file` has too, that one "
        "holds."),
    row<&settings::pool_key>(
        "pool_key", applies::on_reload, {}, "Key of the `AES…` passwords in `pool_passwd_file`."),
    row<&settings::pool_key_file>(
        "pool_key_file",
        applies::on_reload,
        {},
        "File whose first line is that key, as pgpool's .pgpoolkey; instead of `pool_key`."),
    row<&settings::auth_user>("auth_user",
                              applies::on_reload,
                              {},
                              "Role with which secrets of users that are not listed are asked from "
                              "the servers by `auth_query`. Empty: only "
                              "listed users can log in."),
    row<&settings::auth_password>("auth_password",
                                  applies::on_reload,
                                  {},
                                  "Password of `auth_user`, where the servers ask for one."),
    row<&settings::auth_password_file>(
        "auth_password_file",
        applies::on_reload,
        {},
        "File whose first line is the password of `auth_user`; instead of `auth_password`."),
    row<&settings::auth_query>(
        "auth_query",
        applies::on_reload,
        {},
        "Query that returns a user's name and secret in one row, or no row; `$1` is the user's "
        "name. The default needs a "
        "superuser: better call a SECURITY DEFINER function that `auth_user` alone may execute."),
    row<&settings::auth_database>("auth_database",
                                  applies::on_reload,
                                  {},
                                  "Database in which `auth_query` runs. Empty: the one that the "
                                  "client asked for, whose owner "
                                  "then has a say in who logs in to it."),
    row<&settings::auth_cache_ttl>("auth_cache_ttl",
                                   applies::on_reload,
                                   {.max = 24 * hour},
                                   "How long an answer of `auth_query` is used again. A failed "
                                   "login asks anew, so a changed password works at once. "
                                   "0: every login asks."),
    row<&settings::ldap_timeout>(
        "ldap_timeout",
        applies::on_reload,
        {.min = 100, .max = 600'000},
        "How long an LDAP server may take to answer a step of a login. After twice that, for each "
        "server of a rule, the login is refused."),
    row<&settings::ldap_tls_ca_file>(
        "ldap_tls_ca_file",
        applies::on_reload,
        {},
        "Certificates of the authorities that sign LDAP servers' certificates, PEM. Empty: those "
        "that libldap's own configuration names, in Debian the system's."),
    row<&settings::ldap_tls_reqcert>(
        "ldap_tls_reqcert",
        applies::on_reload,
        {},
        "What is asked of an LDAP server's certificate, as TLS_REQCERT in ldap.conf: `demand` a "
        "good one for its host name; `try`, `allow` or `never` ask for less, and are for tests."),
    row<&settings::ldap_bind_password>(
        "ldap_bind_password",
        applies::on_reload,
        {},
        "Password of a rule's `ldapbinddn`, where the rule has no `ldapbindpasswd`."),
    row<&settings::pam_timeout>("pam_timeout",
                                applies::on_reload,
                                {.min = 100, .max = 600'000},
                                "How long PAM may take to check a login; then it is refused."),
    row<&settings::password_check_threads>(
        "password_check_threads",
        applies::on_restart,
        {.min = 1, .max = 256},
        "Threads at most for checks of passwords with one LDAP server or PAM service. They are "
        "started when needed; logins beyond them wait, and a server that hangs keeps only its own "
        "logins waiting."),
    row<&settings::admin_users>("admin_users",
                                applies::on_reload,
                                {},
                                "Users that may give every command in the database `pgweir`."),
    row<&settings::stats_users>("stats_users",
                                applies::on_reload,
                                {},
                                "Users that may use the SHOW commands in the database `pgweir`."),
    row<&settings::admin_from>("admin_from",
                               applies::on_reload,
                               {},
                               "Where the database `pgweir` may be reached from: `local` (Unix "
                               "socket and loopback), `all`, or networks such as "
                               "`10.0.0.0/8` and `fd00::/8`."),
    row<&settings::max_logins_per_address>(
        "max_logins_per_address",
        applies::on_reload,
        {.max = 1'000'000},
        "Connections of one client address (of IPv6: one /64) that may be between their first byte "
        "and the end of their login. More are refused with 53300. Where clients come through a "
        "load balancer or NAT that hides them, they are all one address. 0: no limit."),
    row<&settings::max_login_failures_per_address>(
        "max_login_failures_per_address",
        applies::on_reload,
        {.max = 1'000'000},
        "Failed logins, and cancel requests with keys of nobody, of one client address within a "
        "minute. Whoever has had as many is refused without a look at the password, with 53300, "
        "or his cancel requests dropped, until the minute has room again. 0: no limit."),
    row<&settings::application_name_add_host>(
        "application_name_add_host",
        applies::on_reload,
        {},
        "Clients' `application_name` as it comes at login ends with ` - address:port`, so that "
        "`pg_stat_activity` and the servers' logs show who it is. A name that the application sets "
        "later stays as it is."),
    row<&settings::core_dumps>(
        "core_dumps",
        applies::on_restart,
        {},
        "A crash leaves a core file. It holds what the process knew: passwords, keys, statements. "
        "`false`: there is none, and no other process of the same user can read its memory."),
};

} // namespace

const setting_group access_group{"Who may come in",
                                 "Secrets come from `password` or `password_file` in "
                                 "`[users.NAME]`, from `users_file`, from `pool_passwd_file`, or "
                                 "from the servers by `auth_query`; the first that knows the user "
                                 "counts.",
                                 access_rows};

} // namespace pgweir
