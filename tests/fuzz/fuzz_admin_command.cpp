// What is said in the database `pgweir`: no crash, and an answer to everything.
#include "proxy/admin/admin_command.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view input{reinterpret_cast<const char*>(data), size};
    const auto statements = parse_admin_text(input);
    for (std::size_t i = 0; i < statements.size(); ++i) {
        if (const auto* const error = std::get_if<admin_error>(&statements[i])) {
            if (error->sqlstate.size() != 5 || error->message.empty()) std::abort();
            if (i + 1 != statements.size()) std::abort();
            continue;
        }
        const auto& command = std::get<admin_command>(statements[i]);
        if (tag_of(command).empty()) std::abort();
        (void)client_id_of(command.argument);
        (void)console_parameter(command.argument);
        (void)choose_node({}, command.argument);
    }
    return 0;
}
