// Both SCRAM roles and the verifier parser: no crash, and no input passes for a proof.
#include "protocol/authentication.hpp"
#include "protocol/scram.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const auto half = input.find('\n');
    const auto first = input.substr(0, half);
    const auto last = half == std::string_view::npos ? std::string_view{} : input.substr(half + 1);

    scram_server server{mock_scram_verifier("user", "secret"), "server"};
    if (server.on_client_first(first) && server.on_client_final(last)) std::abort();

    scram_client with_password{"password", "client", 10};
    if (with_password.on_server_first(first) && !with_password.on_server_final(last)) std::abort();
    scram_client with_keys{scram_keys{}, "client"};
    if (with_keys.on_server_first(first)) (void)with_keys.on_server_final(last);

    if (const auto verifier = parse_scram_verifier(input))
        if (!parse_scram_verifier(format_scram_verifier(*verifier))) std::abort();
    (void)decode_sasl_initial_response(input);
    if (const auto request = decode_authentication(input)) {
        std::string out;
        std::visit([&out](const auto& message) { encode(message, out); }, *request);
        if (std::string_view{out}.substr(5) != input) std::abort();
    }
    return 0;
}
