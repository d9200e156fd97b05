#include "protocol/rows.hpp"
#include "proxy/session/auth_rows.hpp"

#include <charconv>
#include <cstdint>

namespace pgweir {

std::optional<stored_secret> secret_in_row(std::string_view body, std::string_view user) {
    const auto row = protocol::decode_data_row(body);
    if (!row || row->values.size() < 2 || !row->values[0] || *row->values[0] != user)
        return std::nullopt;
    auto secret = stored_secret::parse(row->values[1].value_or(""));
    return secret ? *secret : stored_secret{};
}

role_validity validity_in_row(std::string_view body) {
    role_validity validity;
    const auto row = protocol::decode_data_row(body);
    validity.may_log_in = row && row->values.size() == 2 && row->values[0] == "t";
    if (!validity.may_log_in || !row->values[1]) return validity;
    // A date far away is more milliseconds than fit.
    constexpr std::int64_t long_enough = 24LL * 3600 * 1000;
    const std::string_view text{*row->values[1]};
    std::int64_t left = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), left);
    if (ec == std::errc{} && left < long_enough)
        validity.remaining = std::chrono::milliseconds{left < 0 ? 0 : left};
    return validity;
}

} // namespace pgweir
