#include "tests/support/certificates.hpp"

#include "tests/support/child_process.hpp"

#include <stdexcept>

namespace pgweir::test {

namespace {

void openssl(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "openssl");
    const auto result = run_command(arguments);
    if (result.exit_code != 0) throw std::runtime_error("openssl failed: " + result.output);
}

/// Rewrites a file so that its owner is postgres and its mode what libpq and servers ask for.
void hand_over(const std::filesystem::path& file, unsigned mode) {
    write_file(file, read_file(file), mode);
}

void make_authority(const std::filesystem::path& directory, const std::string& name) {
    openssl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
             "-days", "30", "-subj", "/CN=" + name, "-keyout", directory / (name + ".key"), "-out",
             directory / (name + ".crt")});
    hand_over(directory / (name + ".crt"), 0644);
}

void make_leaf(const std::filesystem::path& directory,
               const std::string& name,
               const std::string& common_name,
               const std::string& alternative_names,
               const std::string& authority = "ca") {
    const auto request = directory / (name + ".csr");
    const auto extensions = directory / (name + ".ext");
    openssl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             "/CN=" + common_name, "-keyout", directory / (name + ".key"), "-out", request});
    write_file(extensions,
               "basicConstraints=CA:FALSE\n" +
                   (alternative_names.empty() ? std::string{}
                                              : "subjectAltName=" + alternative_names + "\n"));
    openssl({"x509", "-req", "-in", request, "-CA", directory / (authority + ".crt"), "-CAkey",
             directory / (authority + ".key"), "-CAcreateserial", "-days", "30", "-extfile",
             extensions, "-out", directory / (name + ".crt")});
    hand_over(directory / (name + ".crt"), 0644);
    hand_over(directory / (name + ".key"), 0600);
}

} // namespace

void make_certificates(const std::filesystem::path& directory) {
    make_authority(directory, "ca");
    make_authority(directory, "other_ca");
    renew_server_certificate(directory);
    make_leaf(directory, "client", "app", "");
}

void make_client_certificate(const std::filesystem::path& directory,
                             const std::string& name,
                             const std::string& common_name,
                             const std::string& authority) {
    make_leaf(directory, name, common_name, "", authority);
}

void revoke_certificate(const std::filesystem::path& directory, const std::string& name) {
    const auto configuration = directory / "revoke.cnf";
    write_file(directory / "index.txt", "");
    write_file(directory / "crl_number", "01\n");
    write_file(configuration,
               "[ca]\ndefault_ca = own\n[own]\ndatabase = " + (directory / "index.txt").string() +
                   "\ncrlnumber = " + (directory / "crl_number").string() +
                   "\ndefault_md = sha256\ndefault_crl_days = 30\n");
    const std::vector<std::string> authority{
        "-config", configuration, "-cert", directory / "ca.crt", "-keyfile", directory / "ca.key"};
    std::vector<std::string> revoke{"ca", "-revoke", directory / (name + ".crt")};
    revoke.insert(revoke.end(), authority.begin(), authority.end());
    openssl(revoke);
    std::vector<std::string> list{"ca", "-gencrl", "-out", directory / "ca.crl"};
    list.insert(list.end(), authority.begin(), authority.end());
    openssl(list);
    hand_over(directory / "ca.crl", 0644);
}

void encrypt_key(const std::filesystem::path& directory,
                 const std::string& from,
                 const std::string& name,
                 const std::string& passphrase) {
    openssl({"pkey", "-in", directory / (from + ".key"), "-aes256", "-passout",
             "pass:" + passphrase, "-out", directory / (name + ".key")});
    hand_over(directory / (name + ".key"), 0600);
}

void renew_server_certificate(const std::filesystem::path& directory) {
    make_leaf(directory, "server", "localhost", "DNS:localhost,IP:127.0.0.1");
}

} // namespace pgweir::test
