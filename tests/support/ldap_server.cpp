#include "tests/support/ldap_server.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/wait.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace pgweir::test {
namespace {

constexpr const char* slapd = "/usr/sbin/slapd";
constexpr const char* slapadd = "/usr/sbin/slapadd";

constexpr const char* people_ldif = R"(dn: dc=example,dc=net
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=net
objectClass: organizationalUnit
ou: people

dn: cn=reader,dc=example,dc=net
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: reader-secret

)";

std::string person(const std::string& uid, const std::string& mail, const std::string& password) {
    return "dn: uid=" + uid +
           ",ou=people,dc=example,dc=net\nobjectClass: inetOrgPerson\nuid: " + uid +
           "\ncn: " + uid + "\nsn: " + uid + "\nmail: " + mail + "\nuserPassword: " + password +
           "\n\n";
}

bool answers(int port) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(static_cast<std::uint16_t>(port));
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const bool ok = ::connect(fd, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0;
    ::close(fd);
    return ok;
}

} // namespace

bool ldap_server::is_installed() {
    return std::filesystem::exists(slapd);
}

std::filesystem::path ldap_server::ca_file() const {
    return directory_.path() / "ca.crt";
}

void ldap_server::write_configuration() const {
    const auto at = directory_.path().string();
    std::string text;
    for (const char* const schema : {"core", "cosine", "inetorgperson"})
        text += std::string{"include /etc/ldap/schema/"} + schema + ".schema\n";
    text += "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
            "pidfile " +
            at + "/slapd.pid\nargsfile " + at +
            "/slapd.args\n"
            "TLSCACertificateFile " +
            at +
            "/ca.crt\n"
            "TLSCertificateFile " +
            at +
            "/server.crt\n"
            "TLSCertificateKeyFile " +
            at +
            "/server.key\n"
            "database mdb\nsuffix dc=example,dc=net\nrootdn cn=root,dc=example,dc=net\n"
            "maxsize 1048576\ndirectory " +
            at +
            "/db\n"
            "access to attrs=userPassword by anonymous auth by * none\n"
            "access to * by dn.exact=" +
            std::string{reader} + " read by * none\n";
    write_file(directory_.path() / "slapd.conf", text);
}

void ldap_server::add_people() const {
    const auto ldif = directory_.path() / "people.ldif";
    write_file(ldif, people_ldif + person("ann", "ann@example.net", "ann-secret") +
                         person("app_plain", "app@example.net", "plain-secret") +
                         person("bob", "b@example.net", "bob-secret") +
                         person("bert", "b@example.net", "bert-secret"));
    spawn_options as_postgres;
    as_postgres.as_postgres = true;
    const auto added = run_command(
        {slapadd, "-q", "-f", directory_.path() / "slapd.conf", "-l", ldif}, as_postgres);
    if (added.exit_code != 0) throw std::runtime_error("slapadd failed: " + added.output);
}

ldap_server::ldap_server() : directory_{"ldap"}, port_{free_port()}, tls_port_{free_port()} {
    make_certificates(directory_.path());
    write_configuration();
    spawn_options options;
    options.as_postgres = true;
    run_command({"mkdir", directory_.path() / "db"}, options);
    add_people();
    options.log_file = directory_.path() / "slapd.log";
    const auto tls = ":" + std::to_string(tls_port_) + "/";
    process_ = child_process{{slapd, "-d", "0", "-f", directory_.path() / "slapd.conf", "-h",
                              "ldap://127.0.0.1:" + std::to_string(port_) + "/ ldaps://127.0.0.1" +
                                  tls + " ldaps://127.0.0.2" + tls},
                             options};
    if (!wait_until([this] { return answers(port_) || !process_.running(); }) ||
        !process_.running())
        throw std::runtime_error("slapd does not start: " + read_file(options.log_file));
}

} // namespace pgweir::test
