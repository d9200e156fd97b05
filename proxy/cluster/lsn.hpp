// Positions in the write-ahead log: an LSN means something only on a timeline, so the two travel
// together.
#pragma once

#include <boost/system/result.hpp>

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir {

/// A byte position in the WAL. Source: PostgreSQL docs, datatype-pg-lsn.
struct lsn {
    std::uint64_t value = 0;
    friend auto operator<=>(const lsn&, const lsn&) = default;
};

struct timeline_id {
    std::uint32_t value = 0;
    friend auto operator<=>(const timeline_id&, const timeline_id&) = default;
};

struct wal_position {
    timeline_id timeline;
    lsn at;
    friend bool operator==(const wal_position&, const wal_position&) = default;
};

/// "16/B374D848" -> value. Empty for anything else.
[[nodiscard]] std::optional<lsn> parse_lsn(std::string_view text);
[[nodiscard]] std::string to_string(lsn value);

} // namespace pgweir
