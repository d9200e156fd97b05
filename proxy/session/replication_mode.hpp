// What a replication connection asks for, and where its messages end. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pgweir {

enum class replication_mode : std::uint8_t { none, physical, logical };
/// What the start-up parameter asks for; empty: it is none of the values that PostgreSQL takes.
/// Source: backend_startup.c (postmaster.c before 17), ProcessStartupPacket.
[[nodiscard]] std::optional<replication_mode> parse_replication(std::string_view value);

/// Where messages end in a stream of bytes.
class message_boundary {
public:
    void pass(std::string_view bytes);
    /// What has passed are whole messages.
    [[nodiscard]] bool is_here() const { return left_ == 0 && header_.empty(); }

private:
    std::uint64_t left_ = 0; // of the present message
    std::string header_;     // as much of the next one as is there
};

} // namespace pgweir
