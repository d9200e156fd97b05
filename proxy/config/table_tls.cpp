// Settings: TLS on both sides.
#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::array tls_rows{
    row<&settings::client_tls_sslmode>("client_tls_sslmode",
                                       applies::on_reload,
                                       {},
                                       "TLS with clients. `disable`: refused. `allow`, `prefer`: "
                                       "used when the client asks. `require`: demanded. "
                                       "`verify-ca`: a certificate signed by `client_tls_ca_file` "
                                       "is demanded too; `verify-full`: and it must name the "
                                       "user. Unix sockets are never encrypted."),
    row<&settings::client_tls_cert_file>(
        "client_tls_cert_file",
        applies::on_reload,
        {},
        "pgweir's certificate for clients, PEM, with the intermediate ones."),
    row<&settings::client_tls_key_file>(
        "client_tls_key_file", applies::on_reload, {}, "Private key of that certificate, PEM."),
    row<&settings::client_tls_ca_file>(
        "client_tls_ca_file",
        applies::on_reload,
        {},
        "Certificates of the authorities that sign clients' certificates, PEM. With it every "
        "client is "
        "asked for a certificate; one that is shown must be theirs, in every mode."),
    row<&settings::client_tls_crl_file>(
        "client_tls_crl_file",
        applies::on_reload,
        {},
        "Certificates of clients that have been revoked, PEM. With it every authority in the chain "
        "needs a list there (or in `client_tls_crl_dir`)."),
    row<&settings::client_tls_crl_dir>(
        "client_tls_crl_dir",
        applies::on_reload,
        {},
        "Directory of such lists. All its files are read, whatever they are called."),
    row<&settings::client_tls_passphrase_command>(
        "client_tls_passphrase_command",
        applies::on_reload,
        {},
        "Command of the shell whose first line of output is the passphrase of "
        "`client_tls_key_file`; `%p` stands for a prompt. It has ten seconds. It is run only where "
        "that key is encrypted, at the start and when one of the files has changed."),
    row<&settings::client_tls_min_protocol_version>("client_tls_min_protocol_version",
                                                    applies::on_reload,
                                                    {},
                                                    "Oldest version of TLS that clients may use."),
    row<&settings::client_tls_max_protocol_version>("client_tls_max_protocol_version",
                                                    applies::on_reload,
                                                    {},
                                                    "Newest version of TLS that clients may use."),
    row<&settings::client_tls_ciphers>(
        "client_tls_ciphers",
        applies::on_reload,
        {},
        "Ciphers for TLS 1.2 in OpenSSL's notation, the preferred ones first. Empty: OpenSSL's "
        "default."),
    row<&settings::client_tls13_ciphers>(
        "client_tls13_ciphers",
        applies::on_reload,
        {},
        "Cipher suites for TLS 1.3, such as "
        "`TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256`. Empty: OpenSSL's default."),
    row<&settings::client_tls_ecdhcurve>(
        "client_tls_ecdhcurve",
        applies::on_reload,
        {},
        "Groups for the key exchange, such as `X25519:prime256v1`. Empty: OpenSSL's default."),
    row<&settings::client_tls_dh_params_file>(
        "client_tls_dh_params_file",
        applies::on_reload,
        {},
        "Parameters for Diffie-Hellman without elliptic curves, PEM. Empty: those of RFC 7919 that "
        "fit the key."),
    row<&settings::client_tls_prefer_server_ciphers>(
        "client_tls_prefer_server_ciphers",
        applies::on_reload,
        {},
        "The order of `client_tls_ciphers` decides, not the client's."),
    row<&settings::server_cleartext_passwords>(
        "server_cleartext_passwords",
        applies::on_reload,
        {},
        "Whether a server that asks for a password in clear text (its methods `password`, `ldap`, "
        "`pam` and `radius`) gets the one that the user has proved, over TLS. Without TLS it gets "
        "none, except on this machine, whatever this says. Set it together with "
        "`server_tls_sslmode` = `verify-full`: who else poses as the server learns the password."),
    row<&settings::server_tls_sslmode>("server_tls_sslmode",
                                       applies::on_reload,
                                       {},
                                       "TLS with PostgreSQL, with libpq's meaning of `sslmode`: "
                                       "`verify-ca` and `verify-full` check the server's "
                                       "certificate, `verify-full` its host name too; `require` "
                                       "does as `verify-ca` where `server_tls_ca_file` is set."),
    row<&settings::server_tls_ca_file>(
        "server_tls_ca_file",
        applies::on_reload,
        {},
        "Certificates of the authorities that sign the servers' certificates, PEM."),
    row<&settings::server_tls_cert_file>("server_tls_cert_file",
                                         applies::on_reload,
                                         {},
                                         "pgweir's certificate for servers that ask for one, PEM."),
    row<&settings::server_tls_key_file>(
        "server_tls_key_file", applies::on_reload, {}, "Private key of that certificate, PEM."),
    row<&settings::server_tls_crl_file>(
        "server_tls_crl_file",
        applies::on_reload,
        {},
        "Certificates of servers that have been revoked, PEM. With it every authority in the chain "
        "needs a list there (or in `server_tls_crl_dir`)."),
    row<&settings::server_tls_crl_dir>(
        "server_tls_crl_dir",
        applies::on_reload,
        {},
        "Directory of such lists, with the names that `openssl rehash` gives."),
    row<&settings::server_tls_passphrase_command>(
        "server_tls_passphrase_command",
        applies::on_reload,
        {},
        "Command of the shell whose first line of output is the passphrase of "
        "`server_tls_key_file`, as `client_tls_passphrase_command`."),
    row<&settings::server_tls_min_protocol_version>("server_tls_min_protocol_version",
                                                    applies::on_reload,
                                                    {},
                                                    "Oldest version of TLS to use with servers."),
    row<&settings::server_tls_max_protocol_version>("server_tls_max_protocol_version",
                                                    applies::on_reload,
                                                    {},
                                                    "Newest version of TLS to use with servers."),
    row<&settings::server_tls_ciphers>(
        "server_tls_ciphers",
        applies::on_reload,
        {},
        "Ciphers for TLS 1.2 with servers, in OpenSSL's notation. Empty: OpenSSL's default."),
    row<&settings::server_tls13_ciphers>(
        "server_tls13_ciphers",
        applies::on_reload,
        {},
        "Cipher suites for TLS 1.3 with servers. Empty: OpenSSL's default."),
    row<&settings::server_tls_sslnegotiation>(
        "server_tls_sslnegotiation",
        applies::on_reload,
        {},
        "`postgres`: TLS begins after the server has been asked for it. `direct`: at once, one "
        "round "
        "trip sooner, which PostgreSQL 17 and later understand. The monitor asks in any case."),
    row<&settings::server_tls_channel_binding>(
        "server_tls_channel_binding",
        applies::on_reload,
        {},
        "SCRAM-SHA-256-PLUS with servers, with libpq's meaning of `channel_binding`: `require` "
        "logs in in no other way, so that nobody in between can relay the login."),
};

} // namespace

const setting_group tls_group{
    "TLS",
    "The files are read again on a reload, and by themselves once they have changed: their "
    "directories are watched (a Secret that Kubernetes mounts is seen to change within seconds, "
    "what "
    "no directory tells of within half a minute). New connections use what was read; those that "
    "are "
    "there go on. Files that cannot be used are refused with a line in the log and "
    "`pgweir_tls_files_refused`, and the old ones stay. A change of what is read for servers lets "
    "their "
    "connections go as they become free. `pgweir_tls_certificate_expiry_timestamp_seconds` tells "
    "when "
    "certificates end.",
    tls_rows};

} // namespace pgweir
