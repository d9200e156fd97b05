// pgpool.conf, pool_passwd (as the file that it names) and pgbouncer.ini: no crash, and what is not
// called a failure is a settings file that can be read.
#include "proxy/config/draft.hpp"
#include "proxy/config/import/import.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const auto split = input.find('\f');
    const auto main = input.substr(0, split);
    const std::string other{split == std::string_view::npos ? std::string_view{}
                                                            : input.substr(split + 1)};
    const auto read = [&other](const std::string&) -> std::optional<std::string> { return other; };
    for (const auto format : {import_format::pgpool, import_format::pgbouncer}) {
        const auto made = import_configuration(main, "fuzz", format, read);
        settings_draft draft;
        read_toml_text(made.toml, "made.toml", draft);
        if (made.failed || !draft.has_errors()) continue;
        std::fprintf(stderr, "%s\n", made.toml.c_str());
        for (const auto& one : draft.messages())
            std::fprintf(stderr, "%s\n", to_string(one).c_str());
        std::abort();
    }
    (void)guess_import_format("fuzz", main);
    return 0;
}
