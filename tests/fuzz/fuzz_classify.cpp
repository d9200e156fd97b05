// Any bytes may come as a query string: neither the parser, the walk over its tree nor the cache
// may crash, and the cache must answer as the classifier does, for the text itself and for whatever
// shares its folded form.
#include "sql/classify.hpp"
#include "sql/facts_cache.hpp"
#include "sql/routing_hint.hpp"
#include "tests/unit/sql/describe.cpp" // NOLINT(bugprone-suspicious-include): one program, one file

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgweir::sql;
    static facts_cache cache{std::size_t{4} << 20, 42};
    const std::string_view text{static_cast<const char*>(static_cast<const void*>(data)), size};
    (void)scan_hint(text);
    const auto facts = classify(text);
    if (facts.parsed == facts.statements.empty()) std::abort();
    if (describe(*cache.look_up(text)) != describe(facts)) std::abort();
    return 0;
}
