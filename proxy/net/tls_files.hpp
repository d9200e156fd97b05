// The files that TLS settings name, read whole and at once, so that what is used belongs together
// and a change of any of them can be told. Blocking: on a thread that may wait.
#pragma once

#include "proxy/config/settings.hpp"

#include <string>
#include <utility>
#include <vector>

namespace pgweir {

/// Where one side's files are, and what else its contexts are made of.
struct tls_file_names {
    std::string certificate;
    std::string key;
    std::string authorities;
    std::string revocations;
    std::string revocations_directory;
    std::string dh_parameters;
    /// All that is not in files, as text: part of the fingerprint.
    std::string options;
};
[[nodiscard]] tls_file_names client_tls_files(const settings& values);
[[nodiscard]] tls_file_names server_tls_files(const settings& values);
/// The directories whose change may mean that of a file, each once.
[[nodiscard]] std::vector<std::string> tls_directories(const settings& values);

/// Contents; the key's is wiped in the end.
class tls_files {
public:
    /// Throws std::runtime_error that names the file. Files of more than a mebibyte are refused.
    explicit tls_files(const tls_file_names& names);
    ~tls_files();
    tls_files(const tls_files&) = delete;
    tls_files& operator=(const tls_files&) = delete;

    std::string certificate;
    std::string key;
    std::string authorities;
    std::vector<std::pair<std::string, std::string>> revocations; // name, contents
    std::string dh_parameters;
    /// The same for the same options and contents. A hash: tells nothing of the key.
    std::string fingerprint;
};

/// The first line that a shell command says within ten seconds. `%p` in it is replaced by `prompt`,
/// `%%` by one percent sign. Its stderr is ours. Throws std::runtime_error, without what it said.
[[nodiscard]] std::string ask_passphrase(const std::string& command, const std::string& prompt);

} // namespace pgweir
