// A client that says anything during its login: no crash, and nobody comes in without a proof. The
// first byte picks method and secret, then comes a start-up packet, then messages; each begins with
// its length in one byte.
#include "proxy/session/frontend_login.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

namespace {
std::string_view take(std::string_view& from, std::size_t header) {
    if (from.size() < header + 1) return {};
    const auto size = header + static_cast<unsigned char>(from[header]);
    const auto all = from.substr(header + 1, size - header);
    from.remove_prefix(std::min(from.size(), size + 1));
    return all;
}

const std::optional<stored_secret>& secret_of(unsigned which) {
    static const std::array secrets{
        std::optional<stored_secret>{},
        std::optional{*stored_secret::parse("a password that no input will ever have: zK4-pq91")},
        std::optional{*stored_secret::parse("md5b5c0b187fe309af0f4d35982fd961d7e")},
        std::optional{*stored_secret::parse("SCRAM-SHA-256$1:c2FsdHNhbHRzYWx0c2FsdA==$"
                                            "uC0Z4yB1sSTzBIpYzJKwyQVjFGqBH5Yc5VaTLWcwTtM=:"
                                            "XSLzdFuSbfv5PcFMTw8Kv4QWGzOzl7qtQPxNdQZ5Y2Q=")},
    };
    return secrets[which % secrets.size()];
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) return 0;
    std::string_view rest{reinterpret_cast<const char*>(data), size};
    const unsigned choice = data[0];
    rest.remove_prefix(1);
    const auto body = take(rest, 0);
    const auto packet = protocol::decode_startup_packet(body);
    if (!packet || !std::holds_alternative<protocol::startup_message>(*packet)) return 0;

    static constexpr std::array methods{login_method::trust, login_method::password,
                                        login_method::md5, login_method::scram_sha_256};
    frontend_login_settings settings{"secret of salts"};
    frontend_login login{settings, {"nonce", {'s', 'a', 'l', 't'}}};
    std::string out;
    auto next = login.start(std::get<protocol::startup_message>(*packet), out);
    if (next == frontend_login::action::need_method)
        next = login.on_method(methods[choice % methods.size()], out);
    if (next == frontend_login::action::need_secret) {
        next = login.on_secret(secret_of(choice / 4), out);
        if (next == frontend_login::action::done) std::abort();
    }
    while (next == frontend_login::action::read && rest.size() > 1) {
        const char type = rest[0];
        next = login.on_message(type, take(rest, 1), out);
        if (next == frontend_login::action::done) std::abort();
    }
    if (next == frontend_login::action::failed && out.find('E') == std::string::npos) std::abort();
    return 0;
}
