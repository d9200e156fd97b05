#include "proxy/session/peers.hpp"

#include <algorithm>

namespace pgweir {

namespace {

constexpr std::string_view passed_on = "pgweir>1"; // behind the key

bool is_loopback(std::string_view address) {
    return address.starts_with("127.") || address == "::1";
}

} // namespace

// FNV-1a, and a finish that lets every bit count: every version of every instance must come to the
// same.
std::uint8_t instance_number(const instance_address& at) {
    std::uint64_t hash = 14'695'981'039'346'656'037U;
    for (const char c : at.address + ' ' + std::to_string(at.port)) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 1'099'511'628'211U;
    }
    hash = (hash ^ hash >> 33U) * 0xff51afd7ed558ccdU;
    hash ^= hash >> 33U;
    return static_cast<std::uint8_t>(1 + hash % 255);
}

std::vector<instance_address> peer_list::with_number(std::uint8_t number) const {
    std::vector<instance_address> these;
    std::ranges::copy_if(others, std::back_inserter(these),
                         [number](const auto& one) { return instance_number(one) == number; });
    return these;
}

bool peer_list::is_at(std::string_view address) const {
    return std::ranges::any_of(others,
                               [address](const auto& one) { return one.address == address; });
}

peer_list judge_peers(std::vector<instance_address> found,
                      std::vector<std::string> own_addresses,
                      std::uint16_t own_port) {
    peer_list list;
    if (found.empty()) return list;
    std::ranges::sort(found);
    found.erase(std::unique(found.begin(), found.end()), found.end());
    std::ranges::sort(own_addresses);
    const auto is_own = [&](const instance_address& one) {
        return one.port == own_port && std::ranges::binary_search(own_addresses, one.address);
    };
    for (auto& one : found) {
        if (!is_own(one))
            list.others.push_back(std::move(one));
        else if (list.own == 0)
            list.own = instance_number(one);
    }
    if (list.own != 0) return list;
    // Not announced (yet): by the address that others would have from the same name.
    const auto outward = std::ranges::find_if_not(own_addresses, is_loopback);
    const std::string address = outward == own_addresses.end() ? "127.0.0.1" : *outward;
    list.own = instance_number({address, own_port});
    return list;
}

std::string mark_passed_on(std::string_view key) {
    return std::string{key} + std::string{passed_on};
}

std::pair<std::string_view, bool> read_mark(std::string_view key) {
    if (!key.ends_with(passed_on)) return {key, false};
    key.remove_suffix(passed_on.size());
    return {key, true};
}

} // namespace pgweir
