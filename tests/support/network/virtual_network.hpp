// Hosts for tests: network namespaces joined by a bridge, each with an address of its own, and
// links that can be cut in both directions or one, or made to lose packets. What is dropped is
// dropped silently, as by a dead switch: nobody gets a reset. One thread calls it at a time.
#pragma once

#include "tests/support/network/net_namespace.hpp"
#include "tests/support/network/packet_rules.hpp"

#include <memory>
#include <set>
#include <string>

namespace pgweir::test {

class virtual_network {
public:
    virtual_network();

    /// A new host, with the next address.
    const net_namespace& add(const std::string& member);
    [[nodiscard]] const net_namespace& at(const std::string& member) const;
    [[nodiscard]] const std::string& address(const std::string& member) const;
    /// What all addresses have in common, as "10.77.0.0/24".
    [[nodiscard]] static std::string range() { return "10.77.0.0/24"; }

    void cut(const std::string& one, const std::string& other);
    void cut_one_way(const std::string& from, const std::string& to);
    /// Drops packets at random in both directions.
    void lose(const std::string& one, const std::string& other, unsigned per_mille);
    void heal(const std::string& one, const std::string& other);
    void heal_all();
    [[nodiscard]] const packet_rules& rules() const { return rules_; }

private:
    void apply(const std::set<std::string>& receivers) const;

    net_namespace hub_;
    std::map<std::string, std::unique_ptr<net_namespace>> members_;
    std::map<std::string, std::string> addresses_;
    packet_rules rules_;
};

} // namespace pgweir::test
