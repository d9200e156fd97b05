// Our scanner against libpg_query's: whenever both accept a text they must see the same tokens, and
// ours may refuse only what it refuses by design. Folding the text twice must give the same form,
// and fold what it gave as it was.
#include "sql/fold.hpp"
#include "sql/nesting.hpp"
#include "tests/unit/sql/reference_scan.cpp" // NOLINT(bugprone-suspicious-include): one program, one file

#include <cstddef>
#include <cstdint>
#include <cstdlib>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace pgweir::sql;
    const std::string_view text{static_cast<const char*>(static_cast<const void*>(data)), size};
    std::string once;
    std::string twice;
    const bool folded = fold(text, once);
    if (fold(text, twice) != folded || (folded && once != twice)) std::abort();
    (void)nesting(text);

    const auto own = own_scan(text);
    if (folded && !own) std::abort();
    if (text.find('\0') != std::string_view::npos) return 0;
    const auto expected = reference_scan(text);
    if (!expected) return 0;
    if (own ? own != expected : !may_be_refused(text)) std::abort();
    return 0;
}
