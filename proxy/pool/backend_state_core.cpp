#include "proxy/pool/backend_state.hpp"

#include <algorithm>

namespace pgweir {

std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (auto& c : lower)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return lower;
}

name_set custom_names_of(const parameter_map& parameters) {
    name_set names;
    for (const auto& [name, value] : parameters)
        if (is_custom_name(name)) names.insert(name);
    return names;
}

bool backend_state::suits(const name_set& used) const {
    return std::includes(used.begin(), used.end(), custom_names.begin(), custom_names.end());
}

} // namespace pgweir
