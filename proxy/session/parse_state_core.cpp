#include "protocol/rows.hpp"
#include "proxy/session/parse_state.hpp"

#include <algorithm>
#include <array>

namespace pgweir {

namespace {

/// Sorted. Whatever is not here counts.
constexpr std::array<std::string_view, 16> harmless{
    "application_name",     "bytea_output",
    "client_min_messages",  "extra_float_digits",
    "hash_mem_multiplier",  "idle_in_transaction_session_timeout",
    "idle_session_timeout", "lock_timeout",
    "log_duration",         "log_min_duration_statement",
    "log_statement",        "maintenance_work_mem",
    "statement_timeout",    "synchronous_commit",
    "transaction_timeout",  "work_mem",
};
static_assert(std::is_sorted(harmless.begin(), harmless.end()));

/// FNV-1a: nobody gains anything from two statements whose columns seem alike.
class digest {
public:
    void add(std::string_view bytes) {
        for (const char c : bytes)
            value_ = (value_ ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        value_ = (value_ ^ 0x100U) * 0x100000001b3U;
    }
    void add(std::uint32_t number) {
        for (unsigned shift = 0; shift < 32; shift += 8)
            value_ = (value_ ^ (number >> shift & 0xffU)) * 0x100000001b3U;
    }
    [[nodiscard]] std::uint64_t value() const { return value_ == 0 ? 1 : value_; }

private:
    std::uint64_t value_ = 0xcbf29ce484222325U;
};

} // namespace

bool shapes_parse(std::string_view lower_case_name) {
    return !std::binary_search(harmless.begin(), harmless.end(), lower_case_name);
}

parse_parameters parse_parameters_of(const parameter_map& followed) {
    parse_parameters those;
    for (const auto& [name, value] : followed)
        if (shapes_parse(name)) those.emplace(name, value);
    return those;
}

std::string parse_key(const parameter_map& followed) {
    std::string key;
    for (const auto& [name, value] : followed) {
        if (!shapes_parse(name)) continue;
        key.append(name).push_back('=');
        key.append(value).push_back('\0');
    }
    return key;
}

parameter_map carried_for_parse(const parameter_map& carried,
                                const parse_parameters& parsed_under) {
    parameter_map wanted;
    for (const auto& [name, value] : carried)
        if (!shapes_parse(name)) wanted.emplace(name, value);
    wanted.insert(parsed_under.begin(), parsed_under.end());
    return wanted;
}

std::uint64_t shape_of(std::string_view row_description) {
    digest all;
    if (row_description.empty()) return all.value();
    const auto rows = protocol::decode_row_description(row_description);
    if (!rows) return all.value();
    for (const auto& field : rows->fields) {
        all.add(field.name);
        all.add(field.type_oid);
        all.add(static_cast<std::uint32_t>(static_cast<std::int32_t>(field.type_size)));
        all.add(static_cast<std::uint32_t>(field.type_modifier));
    }
    return all.value();
}

} // namespace pgweir
