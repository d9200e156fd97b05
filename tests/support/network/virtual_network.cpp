#include "tests/support/network/virtual_network.hpp"

#include <unistd.h>

#include <stdexcept>

namespace pgweir::test {

virtual_network::virtual_network() : hub_{"hub"} {
    hub_.must({"ip", "link", "add", "bridge", "type", "bridge"});
    hub_.must({"ip", "link", "set", "bridge", "up"});
}

const net_namespace& virtual_network::add(const std::string& member) {
    auto made = std::make_unique<net_namespace>(member);
    const auto address = "10.77.0." + std::to_string(11 + members_.size());
    hub_.must({"ip", "link", "add", member, "type", "veth", "peer", "name", "eth0", "netns",
               made->name()});
    hub_.must({"ip", "link", "set", member, "master", "bridge", "up"});
    made->must({"ip", "address", "add", address + "/24", "dev", "eth0"});
    made->must({"ip", "link", "set", "eth0", "up"});
    addresses_[member] = address;
    return *(members_[member] = std::move(made));
}

const net_namespace& virtual_network::at(const std::string& member) const {
    return *members_.at(member);
}

const std::string& virtual_network::address(const std::string& member) const {
    return addresses_.at(member);
}

void virtual_network::cut(const std::string& one, const std::string& other) {
    lose(one, other, packet_rules::all);
}

void virtual_network::cut_one_way(const std::string& from, const std::string& to) {
    rules_.drop(from, to, packet_rules::all);
    apply({to});
}

void virtual_network::lose(const std::string& one, const std::string& other, unsigned per_mille) {
    rules_.drop(one, other, per_mille);
    rules_.drop(other, one, per_mille);
    apply({one, other});
}

void virtual_network::heal(const std::string& one, const std::string& other) {
    lose(one, other, 0);
}

void virtual_network::heal_all() {
    rules_.clear();
    std::set<std::string> everybody;
    for (const auto& [name, member] : members_)
        everybody.insert(name);
    apply(everybody);
}

void virtual_network::apply(const std::set<std::string>& receivers) const {
    for (const auto& receiver : receivers) {
        char file[] = "/tmp/pgweir-test-rules-XXXXXX";
        const int descriptor = ::mkstemp(file);
        if (descriptor < 0) throw std::runtime_error("mkstemp failed");
        ::close(descriptor);
        write_file(file, rules_.script(receiver, addresses_));
        const auto result = at(receiver).run({"nft", "-f", file});
        ::unlink(file);
        if (result.exit_code != 0) throw std::runtime_error("nft: " + result.output);
    }
}

} // namespace pgweir::test
