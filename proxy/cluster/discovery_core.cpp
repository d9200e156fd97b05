#include "proxy/cluster/discovery.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace pgweir {
namespace {

bool is_numeric(const std::string& host) {
    if (host.find(':') != std::string::npos) return true; // IPv6
    return host.find_first_not_of("0123456789.") == std::string::npos;
}

bool is_directory(const std::string& host) {
    return host.starts_with('/') || host.starts_with('@');
}

std::string name_of(const std::string& host, std::uint16_t port) {
    const bool has_colons = host.find(':') != std::string::npos;
    return (has_colons ? '[' + host + ']' : host) + ':' + std::to_string(port);
}

} // namespace

std::string name_of(const monitored_node& node) {
    return name_of(node.address.empty() ? node.host : node.address, node.port);
}

address_book::change address_book::take(const std::string& name,
                                        std::optional<std::vector<std::string>> answer) {
    if (!answer || answer->empty()) return change::none;
    std::ranges::sort(*answer);
    const auto doubles = std::ranges::unique(*answer);
    answer->erase(doubles.begin(), doubles.end());
    auto& known = known_[name];
    if (known == *answer) return change::none;
    const auto how = known.empty() ? change::first : change::changed;
    known = std::move(*answer);
    return how;
}

const std::vector<std::string>& address_book::addresses(const std::string& name) const {
    static const std::vector<std::string> none;
    const auto found = known_.find(name);
    return found == known_.end() ? none : found->second;
}

void address_book::keep(const std::vector<std::string>& names) {
    std::erase_if(known_, [&](const auto& entry) {
        return std::ranges::find(names, entry.first) == names.end();
    });
}

std::vector<std::string> names_in(const std::vector<monitored_node>& configured) {
    std::vector<std::string> names;
    for (const auto& node : configured) {
        if (is_numeric(node.host) || is_directory(node.host)) continue;
        if (std::ranges::find(names, node.host) == names.end()) names.push_back(node.host);
    }
    return names;
}

std::vector<monitored_node> present_nodes(const std::vector<monitored_node>& configured,
                                          const address_book& known) {
    std::vector<monitored_node> present;
    std::set<std::pair<std::string, std::uint16_t>> taken;
    for (const auto& node : configured) {
        if (node.is_discovered) continue;
        present.push_back(node);
        taken.emplace(node.host, node.port);
        for (const auto& address : known.addresses(node.host))
            taken.emplace(address, node.port);
    }
    for (const auto& entry : configured) {
        if (!entry.is_discovered) continue;
        for (const auto& address : known.addresses(entry.host)) {
            if (!taken.emplace(address, entry.port).second) continue;
            auto node = entry;
            node.address = address;
            node.application_name.clear(); // many cannot have one name
            present.push_back(std::move(node));
        }
    }
    return present;
}

} // namespace pgweir
