// The conversation between a client that keeps to the protocol and a model of a server: the input
// makes their choices. Every message has to go where the model says, everything has to end as it
// did on the server, nothing may be expected for ever. Then the same input as bare server messages,
// which may be anything: no crash.
#include "tests/unit/protocol/server_model.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace pgweir::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::size_t at = 0;
    const auto pick = [&](unsigned n) { return at < size ? data[at++] % n : 0U; };
    model_exchange exchange{pick};
    if (const auto wrong = exchange.run(static_cast<unsigned>(4 * size)); !wrong.empty()) {
        std::fprintf(stderr, "%s\n%s\n", wrong.c_str(), exchange.trace.c_str());
        std::abort();
    }

    conversation queue;
    for (std::size_t i = 0; i + 1 < size; i += 2) {
        if (data[i] % 3 == 0)
            queue.add(
                {static_cast<expect>(data[i + 1] % 10U), static_cast<origin>(data[i] % 4 % 3), i});
        else
            queue.on_message(static_cast<char>(data[i]), static_cast<char>(data[i + 1]));
        if (queue.at_rest() && !queue.empty()) std::abort();
    }
    return 0;
}
