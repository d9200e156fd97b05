// A planned change of the primary (SWITCHOVER): who takes over, what the command is told, and
// whether the cluster has done it. Pure; admin_switchover.cpp does it.
#pragma once

#include "proxy/admin/admin_command.hpp"
#include "proxy/cluster/cluster_view.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace pgweir {

struct switchover_plan {
    std::uint16_t from = 0; // the present primary
    std::uint16_t to = 0;   // the standby that is to take over
    bool is_named = false;  // by the operator: no other one will do
};

/// `wanted`: a node as choose_node takes it; empty: the standby that has received most, synchronous
/// ones first. Errors: 42704 (no such node), 55000 (no primary, or nobody who can take over).
[[nodiscard]] std::variant<switchover_plan, admin_error> plan_switchover(const cluster_view& view,
                                                                         std::string_view wanted);

/// What the command finds in its environment.
[[nodiscard]] std::vector<std::pair<std::string, std::string>>
switchover_environment(const cluster_view& view, const switchover_plan& plan);

enum class switchover_progress : std::uint8_t {
    done,
    nobody,    // no primary is seen: wait
    unchanged, // the old one, or what was seen of it before
    another,   // a new one, but not the one that was named
    read_only, // the new one, but it begins all transactions read only
};

/// `look`: the look counter when the command had ended; what was seen before says nothing.
[[nodiscard]] switchover_progress
judge_switchover(const cluster_view& view, const switchover_plan& plan, std::uint64_t look);

/// The end of a program's output, as whole lines where they are not very long.
class last_lines {
public:
    static constexpr std::size_t most_bytes = 2'000;
    static constexpr std::size_t most_lines = 20;

    void add(std::string_view output);
    /// Without what cannot be shown (control characters, a broken first line) and without a last
    /// line end.
    [[nodiscard]] std::string text() const;

private:
    std::string kept_;
    bool is_cut_ = false;
};

} // namespace pgweir
