// pgpool's list of users: no crash, an error names a line that is there, and no password comes out
// of a text that is no encrypted one.
#include "proxy/access/pool_passwd.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const auto users = parse_pool_passwd(input, "mykey");
    if (!users) {
        const auto lines = static_cast<std::size_t>(1 + std::ranges::count(input, '\n'));
        if (users.error().line < 1 || users.error().line > lines) std::abort();
        if (users.error().what.empty()) std::abort();
    }
    if (users)
        for (const auto& one : *users)
            if (one.name.empty() || one.name.find('\n') != std::string::npos) std::abort();
    const auto plain = decrypt_pool_password(input, "mykey");
    if (plain && plain->size() > input.size()) std::abort();
    return 0;
}
