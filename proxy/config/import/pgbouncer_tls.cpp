#include "proxy/config/import/pgbouncer_tls.hpp"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace pgweir {

namespace {

/// PgBouncer's words for choices that it leaves to OpenSSL, or to itself.
constexpr std::array<std::string_view, 11> general_words{"",         "default", "secure", "fast",
                                                         "normal",   "all",     "compat", "legacy",
                                                         "insecure", "auto",    "none"};

struct text_parameter {
    std::string_view name;
    std::string_view key;
};
constexpr std::array texts{
    text_parameter{"client_tls_ciphers", "client_tls_ciphers"},
    text_parameter{"client_tls13_ciphers", "client_tls13_ciphers"},
    text_parameter{"client_tls_ecdhcurve", "client_tls_ecdhcurve"},
    text_parameter{"client_tls_dheparams", "client_tls_dh_params_file"},
    text_parameter{"server_tls_ciphers", "server_tls_ciphers"},
    text_parameter{"server_tls13_ciphers", "server_tls13_ciphers"},
};

bool is_general(std::string_view value) {
    return std::ranges::find(general_words, value) != general_words.end();
}

/// A list such as tlsv1.2,tlsv1.3.
void translate_versions(const configuration_line& line, std::string_view side, translation& made) {
    const auto words = split_list(line.value, ',');
    const auto has = [&](std::string_view word) {
        return std::ranges::find(words, word) != words.end();
    };
    const auto key = [&](std::string_view rest) {
        return std::string{side}.append("_tls_").append(rest).append("_protocol_version");
    };
    const bool newest = has("tlsv1.3");
    const bool older = has("tlsv1.2");
    const bool oldest = has("tlsv1.0") || has("tlsv1.1");
    if (oldest) made.missing(line, "asks for TLS before 1.2, which is not provided");
    if (newest && !older && !oldest)
        made.set_text(key("min"), "TLSv1.3", line);
    else if (older && !newest)
        made.set_text(key("max"), "TLSv1.2", line);
    else if (!oldest)
        made.ignored(line, "TLS 1.2 and 1.3 are the default");
}

} // namespace

bool translate_pgbouncer_tls(const configuration_line& line, translation& made) {
    if (line.name == "client_tls_protocols" || line.name == "server_tls_protocols") {
        if (is_general(line.value))
            made.ignored(line, "TLS 1.2 and 1.3 are the default");
        else
            translate_versions(line, std::string_view{line.name}.substr(0, 6), made);
        return true;
    }
    const auto known = std::ranges::find(texts, std::string_view{line.name}, &text_parameter::name);
    if (known == texts.end()) return false;
    if (is_general(line.value))
        made.ignored(line, "OpenSSL's own choice holds");
    else
        made.set_text(known->key, line.value, line);
    return true;
}

} // namespace pgweir
