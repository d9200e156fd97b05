// What a balancer says ahead of its client's bytes: no crash, never more than is there, the same
// however it is cut, and a peer that reads as an address and a port.
#include "proxy/access/proxy_header.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    proxy_header whole;
    const auto state = read_proxy_header(input, whole);
    if (state == proxy_header_state::complete) {
        if (whole.size == 0 || whole.size > size || whole.size > longest_proxy_header) std::abort();
        if (!whole.peer.empty() && whole.peer.rfind(':') == std::string::npos) std::abort();
    }
    for (std::size_t cut = 0; cut < size && cut < 300; ++cut) {
        proxy_header part;
        const auto now = read_proxy_header(input.substr(0, cut), part);
        if (now == proxy_header_state::malformed && state != now) std::abort();
        if (now == proxy_header_state::complete && part.size > cut) std::abort();
    }
    if (application_name_with(input, whole.peer).size() > 63 + input.size()) std::abort();
    return 0;
}
