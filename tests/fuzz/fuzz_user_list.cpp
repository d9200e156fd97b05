// userlist.txt: no crash, an error names a line that is there, and whoever is listed is found.
#include "proxy/session/secrets.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const auto list = user_list::parse(input);
    if (!list) {
        const auto lines = 1 + std::ranges::count(input, '\n');
        const auto at = static_cast<std::ptrdiff_t>(list.error().line);
        if (at < 1 || at > lines || list.error().what.empty()) std::abort();
        return 0;
    }
    (void)list->find(input);
    if (const auto secret = stored_secret::parse(input)) {
        const bool is_known = secret->what() != stored_secret::kind::none;
        if (is_known == input.empty()) std::abort();
    }
    return 0;
}
