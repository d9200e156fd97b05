// SHOW pool_nodes and its relatives: what pgpool answers in any session, so that scripts and
// exporters that ask pgpool can ask pgweir. Column names, their order and the form of the values
// are those of pgpool-II 4.7. Pure.
#pragma once

#include "proxy/cluster/cluster_view.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct pool_table {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
};

/// True for pool_nodes, pool_version and pool_cache, in lower case.
[[nodiscard]] bool is_pool_topic(std::string_view name) noexcept;

/// `reads_from`: where the session that asks reads. `selects`: by node, since the start of pgweir.
[[nodiscard]] pool_table pool_nodes_table(const cluster_view& view,
                                          std::optional<std::uint16_t> reads_from,
                                          std::span<const std::uint64_t> selects);

/// The version of pgpool whose tables these are, and who answers.
[[nodiscard]] pool_table pool_version_table(std::string_view version);

/// Results are not cached: all zero.
[[nodiscard]] pool_table pool_cache_table();

} // namespace pgweir
