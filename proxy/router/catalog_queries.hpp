// What the catalog reader asks the primary about one database, and how the answers become
// catalog_rows. For PostgreSQL 12 to 17. Pure: the reader does the asking.
#pragma once

#include "proxy/router/catalog.hpp"

#include <boost/system/result.hpp>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pgweir {

using catalog_cell = std::optional<std::string>; // text format; absent is NULL
using catalog_table = std::vector<std::vector<catalog_cell>>;

/// The queries, to be run in this order on one connection, which they leave with an empty
/// search_path (definitions then name every schema). Every name in them is qualified. The role
/// needs no special right.
[[nodiscard]] std::vector<std::string> catalog_queries(std::uint32_t server_version);

struct catalog_error {
    std::string what; // for the log
};

/// Rows of the queries' answers, one table per query in the same order.
[[nodiscard]] boost::system::result<catalog_rows, catalog_error>
rows_of(const std::string& database,
        std::uint32_t server_version,
        std::span<const catalog_table> answers);

} // namespace pgweir
