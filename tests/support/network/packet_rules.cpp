#include "tests/support/network/packet_rules.hpp"

#include <algorithm>

namespace pgweir::test {

void packet_rules::drop(const std::string& from, const std::string& to, unsigned per_mille) {
    if (per_mille == 0)
        dropped_.erase({to, from});
    else
        dropped_[{to, from}] = std::min(per_mille, all);
}

unsigned packet_rules::dropped(const std::string& from, const std::string& to) const {
    const auto found = dropped_.find({to, from});
    return found == dropped_.end() ? 0 : found->second;
}

std::string packet_rules::script(const std::string& to,
                                 const std::map<std::string, std::string>& addresses) const {
    // Adding a table that exists does nothing; so the first time is like all others.
    std::string text = "add table ip weir\n"
                       "delete table ip weir\n"
                       "table ip weir {\n"
                       "  chain arriving {\n"
                       "    type filter hook input priority 0; policy accept;\n";
    for (const auto& [link, per_mille] : dropped_) {
        if (link.first != to) continue;
        text += "    ip saddr " + addresses.at(link.second);
        if (per_mille < all)
            text += " numgen random mod " + std::to_string(all) + " < " + std::to_string(per_mille);
        text += " drop\n";
    }
    return text + "  }\n}\n";
}

} // namespace pgweir::test
