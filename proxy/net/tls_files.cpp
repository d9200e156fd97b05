#include "proxy/net/tls_files.hpp"

#include "protocol/sha256.hpp"
#include "proxy/config/values.hpp"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace pgweir {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t largest_file = 1024UL * 1024;
constexpr std::size_t most_revocation_files = 1000;

/// Without a stream's buffer in between, which nobody would wipe.
std::string contents_of(const std::string& file) {
    if (file.empty()) return {};
    const auto failed = [&](const std::string& why) {
        return std::runtime_error{"cannot read " + file + ": " + why};
    };
    const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw failed(std::generic_category().message(errno));
    std::string space(largest_file + 1, '\0');
    std::size_t size = 0;
    ssize_t n = 0;
    do {
        n = ::read(fd, space.data() + size, space.size() - size);
        if (n > 0) size += static_cast<std::size_t>(n);
    } while (n > 0);
    const int error = n < 0 ? errno : 0;
    ::close(fd);
    const std::string text{space, 0, size};
    OPENSSL_cleanse(space.data(), size);
    if (error != 0) throw failed(std::generic_category().message(error));
    if (size > largest_file) throw failed("it is larger than 1MB");
    return text;
}

/// What a directory holds, in the order of names; what begins with a dot is not looked at
/// (Kubernetes keeps the files themselves in directories that do).
std::vector<std::string> files_in(const std::string& directory) {
    std::vector<std::string> files;
    std::error_code ec;
    for (fs::directory_iterator at{directory, ec}, end; !ec && at != end; at.increment(ec)) {
        std::error_code gone;
        const bool is_file = at->is_regular_file(gone) && !gone;
        if (is_file && !at->path().filename().native().starts_with('.'))
            files.push_back(at->path().native());
    }
    if (ec) throw std::runtime_error{"cannot read " + directory + ": " + ec.message()};
    if (files.size() > most_revocation_files)
        throw std::runtime_error{directory + " holds more than " +
                                 std::to_string(most_revocation_files) + " files"};
    std::ranges::sort(files);
    return files;
}

void add_directory_of(const std::string& file, std::vector<std::string>& all) {
    if (file.empty()) return;
    const auto parent = fs::path{file}.parent_path().native();
    all.push_back(parent.empty() ? "." : parent);
}

} // namespace

tls_file_names client_tls_files(const settings& s) {
    tls_file_names names;
    names.certificate = s.client_tls_cert_file;
    names.key = s.client_tls_key_file;
    names.authorities = s.client_tls_ca_file;
    names.revocations = s.client_tls_crl_file;
    names.revocations_directory = s.client_tls_crl_dir;
    names.dh_parameters = s.client_tls_dh_params_file;
    for (const auto& option :
         {format_value(s.client_tls_sslmode), s.client_tls_passphrase_command.value,
          format_value(s.client_tls_min_protocol_version),
          format_value(s.client_tls_max_protocol_version), s.client_tls_ciphers,
          s.client_tls13_ciphers, s.client_tls_ecdhcurve,
          format_value(s.client_tls_prefer_server_ciphers)})
        names.options += option + '\n';
    return names;
}

tls_file_names server_tls_files(const settings& s) {
    tls_file_names names;
    names.certificate = s.server_tls_cert_file;
    names.key = s.server_tls_key_file;
    names.authorities = s.server_tls_ca_file;
    names.revocations = s.server_tls_crl_file;
    names.revocations_directory = s.server_tls_crl_dir;
    for (const auto& option :
         {format_value(s.server_tls_sslmode), s.server_tls_passphrase_command.value,
          format_value(s.server_tls_min_protocol_version),
          format_value(s.server_tls_max_protocol_version), s.server_tls_ciphers,
          s.server_tls13_ciphers, format_value(s.server_tls_sslnegotiation),
          format_value(s.server_tls_channel_binding)})
        names.options += option + '\n';
    return names;
}

std::vector<std::string> tls_directories(const settings& values) {
    std::vector<std::string> all;
    const auto add = [&](const tls_file_names& names) {
        for (const auto* const file : {&names.certificate, &names.key, &names.authorities,
                                       &names.revocations, &names.dh_parameters})
            add_directory_of(*file, all);
        if (!names.revocations_directory.empty()) all.push_back(names.revocations_directory);
    };
    if (values.client_tls_sslmode != tls_mode::disable) add(client_tls_files(values));
    if (values.server_tls_sslmode != tls_mode::disable) add(server_tls_files(values));
    std::ranges::sort(all);
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    return all;
}

tls_files::tls_files(const tls_file_names& names)
    : certificate{contents_of(names.certificate)}, key{contents_of(names.key)},
      authorities{contents_of(names.authorities)} {
    if (!names.revocations.empty())
        revocations.emplace_back(names.revocations, contents_of(names.revocations));
    if (!names.revocations_directory.empty())
        for (const auto& file : files_in(names.revocations_directory))
            revocations.emplace_back(file, contents_of(file));
    dh_parameters = contents_of(names.dh_parameters);
    std::string digests; // each of one size, so that no text can pass for the end of another
    const auto add = [&](const std::string& text) {
        const auto digest = protocol::sha256(text);
        digests.append(digest.begin(), digest.end());
    };
    add(names.options);
    add(certificate);
    add(key);
    add(authorities);
    for (const auto& [file, text] : revocations)
        add(text);
    add(dh_parameters);
    const auto digest = protocol::sha256(digests);
    fingerprint.assign(digest.begin(), digest.end());
}

tls_files::~tls_files() {
    OPENSSL_cleanse(key.data(), key.size());
}

} // namespace pgweir
