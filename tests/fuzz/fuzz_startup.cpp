// Start-up packets: no crash, and what decodes encodes to the same bytes.
#include "protocol/startup.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    (void)startup_packet_size(input);
    if (const auto packet = decode_startup_packet(input)) {
        std::string out;
        std::visit([&out](const auto& message) { encode(message, out); }, *packet);
        const auto* message = std::get_if<startup_message>(&*packet);
        const bool was_read = message == nullptr || message->version.major() == 3;
        if (was_read && std::string_view{out}.substr(4) != input) std::abort();
        if (message != nullptr)
            if (const auto options = message->find("options")) (void)split_options(*options);
    }
    if (const auto options = split_options(input))
        for (const auto& [name, value] : *options)
            if (name.empty()) std::abort();
    if (const auto answer = decode_negotiate_protocol_version(input)) {
        std::string out;
        encode(*answer, out);
        if (std::string_view{out}.substr(5) != input) std::abort();
    }
    return 0;
}
