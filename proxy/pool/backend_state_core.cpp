#include "proxy/pool/backend_state.hpp"

#include <algorithm>

namespace pgweir {

std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (auto& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

name_set traces_of(const parameter_map& parameters) {
    name_set names;
    for (const auto& [name, value] : parameters)
        if (is_custom_name(name)) names.insert(name);
    return names;
}

bool backend_state::suits(const lease_needs& needs) const {
    if (needs.unused && used) return false;
    return std::includes(needs.traces.begin(), needs.traces.end(), traces.begin(), traces.end());
}

} // namespace pgweir
