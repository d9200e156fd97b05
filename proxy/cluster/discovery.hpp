// Which nodes there are, by the settings and by what the names in them resolve to. Pure: the
// monitor asks the resolver and feeds the answers. One thread.
#pragma once

#include "proxy/cluster/monitor_settings.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace pgweir {

class address_book {
public:
    enum class change : std::uint8_t { none, first, changed };

    /// The numeric addresses of a name. Absent (it could not be resolved) or none at all: what was
    /// known stays.
    change take(const std::string& name, std::optional<std::vector<std::string>> answer);
    /// Sorted; empty: not known.
    [[nodiscard]] const std::vector<std::string>& addresses(const std::string& name) const;
    /// Forgets names that are not among these.
    void keep(const std::vector<std::string>& names);

private:
    std::map<std::string, std::vector<std::string>> known_;
};

/// The names to be resolved, each once: neither numeric addresses nor Unix sockets.
[[nodiscard]] std::vector<std::string> names_in(const std::vector<monitored_node>& configured);

/// The nodes as they should be now: those with a name of their own, and for each discovered name
/// one node per address. An address that is there already (by an entry of its own or another name,
/// with the same port) is one node, not two.
[[nodiscard]] std::vector<monitored_node>
present_nodes(const std::vector<monitored_node>& configured, const address_book& known);

} // namespace pgweir
