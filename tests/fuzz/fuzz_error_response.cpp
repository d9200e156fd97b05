// ErrorResponse, and a server that says anything during login: no crash; fields survive a round
// trip.
#include "protocol/error_response.hpp"
#include "proxy/session/backend_login.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    if (const auto error = protocol::decode_error_response(input)) {
        std::string out;
        encode(*error, out);
        const auto again = protocol::decode_error_response(std::string_view{out}.substr(5));
        if (!again || again->sqlstate != error->sqlstate || again->routine != error->routine)
            std::abort();
    }
    if (protocol::find_sqlstate(input).size() % 5 != 0) std::abort();

    backend_login_settings settings;
    settings.user = "user";
    settings.database = "database";
    settings.credentials.password = "password";
    settings.scram_nonce = "nonce";
    settings.max_scram_iterations = 10;
    // Half of the inputs may bind the login to the channel.
    settings.link_is_encrypted = size % 2 != 0;
    if (settings.link_is_encrypted) settings.end_point = "hash";
    backend_login login{settings};
    std::string out;
    login.start(out);
    // A message: a letter, a length byte, that many bytes.
    for (auto rest = input; rest.size() >= 2;) {
        const auto body = rest.substr(2, static_cast<unsigned char>(rest[1]));
        if (login.on_message(rest[0], body, out) != backend_login::action::read) break;
        rest.remove_prefix(2 + body.size());
    }
    return 0;
}
