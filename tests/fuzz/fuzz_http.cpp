// A request to the HTTP port, cut anywhere: no crash, no header beyond the limit, and something to
// answer to whatever was read.
#include "proxy/http/http_exchange.cpp" // NOLINT(bugprone-suspicious-include): one program, one file

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

namespace {
constexpr std::uint32_t limit = 512;

/// False: this connection is over.
bool take_request(http_exchange& exchange, std::string_view& input, std::size_t cut) {
    auto& parser = exchange.next_request();
    parser.eager(true);
    error_code ec;
    std::size_t header = 0;
    for (auto visible = std::min(cut, input.size());; visible = input.size()) {
        ec = {};
        const auto used = parser.put(asio::buffer(input.data(), visible), ec);
        if (!parser.is_header_done()) header += used;
        input.remove_prefix(used);
        const bool goes_on = !ec || ec == boost::beast::http::error::need_more;
        if (!goes_on || parser.is_done() || visible - used == input.size()) break;
    }
    if (header > 2 * limit) std::abort();
    if (ec && ec != boost::beast::http::error::need_more) {
        if (exchange.may_answer(ec)) exchange.refuse(ec);
        return false;
    }
    if (!parser.is_done()) return false;
    if (exchange.is_get())
        exchange.reply({200, std::string{exchange.target()}});
    else
        exchange.refuse_method();
    return exchange.keep_alive();
}
} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    std::string_view input{reinterpret_cast<const char*>(data) + 1, size - 1};
    http_exchange exchange{limit};
    for (int requests = 0; requests < 16; ++requests)
        if (input.empty() || !take_request(exchange, input, data[0])) break;
    return 0;
}
