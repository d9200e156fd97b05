#include "proxy/config/table.hpp"

#include "proxy/config/table_groups.hpp"

#include <array>

namespace pgweir {

namespace {

template <auto Member>
constexpr override_row
own(std::string_view name, value_limits limits, std::string_view documentation = {}) {
    using type = typename member_of<decltype(Member)>::type::value_type;
    override_row made;
    made.name = name;
    made.limits = limits;
    made.documentation = documentation;
    made.allowed = &allowed_for<type>;
    made.parse = [](const raw_value& raw, const value_limits& within, override_settings& into) {
        type value{};
        auto error = parse_value(raw, within, value);
        if (error.empty()) into.*Member = std::move(value);
        return error;
    };
    return made;
}

/// Limits are those of the general setting.
template <auto Member> override_row same(std::string_view name) {
    return own<Member>(name, find_setting(name)->limits);
}

std::vector<override_row> make_override_rows() {
    using o = override_settings;
    std::vector<override_row> rows{
        same<&o::pool_size>("pool_size"),
        same<&o::min_pool_size>("min_pool_size"),
        same<&o::reserve_pool_size>("reserve_pool_size"),
        same<&o::max_pinned>("max_pinned"),
        own<&o::max_client_connections>(
            "max_client_connections", {.min = 1, .max = 10'000'000},
            "Most clients of this database or user at once, below the general limit."),
        same<&o::pool_mode>("pool_mode"),
        same<&o::splitting>("splitting"),
        same<&o::split_transactions>("split_transactions"),
        same<&o::read_only_repeatable_read_on_standby>("read_only_repeatable_read_on_standby"),
        same<&o::consistency>("consistency"),
        own<&o::route>("route", {},
                       "Where reads go that could go to a standby: `auto` as `splitting` says, "
                       "always the `primary`, or "
                       "a `standby` as long as one is fresh enough."),
        same<&o::queue_timeout>("queue_timeout"),
        same<&o::query_timeout>("query_timeout"),
        same<&o::idle_transaction_timeout>("idle_transaction_timeout"),
        own<&o::password>("password", {},
                          "The user's secret: a plain password, `md5…` or `SCRAM-SHA-256$…`. Wins "
                          "over `users_file`."),
        own<&o::password_file>(
            "password_file", {},
            "File whose first line is the user's secret; instead of `password`."),
    };
    for (auto& row : rows)
        if (row.name.starts_with("password")) row.for_databases = false;
    return rows;
}

} // namespace

std::span<const setting_group> setting_groups() {
    static const std::array groups{listening_group, cluster_group, pool_group,
                                   timeout_group,   routing_group, access_group,
                                   tls_group,       memory_group,  logging_group};
    return groups;
}

const setting_row* find_setting(std::string_view name) {
    for (const auto& group : setting_groups()) {
        for (const auto& row : group.rows) {
            if (row.name == name) return &row;
        }
    }
    return nullptr;
}

std::span<const override_row> override_rows() {
    static const std::vector<override_row> rows = make_override_rows();
    return rows;
}

const override_row* find_override(std::string_view name) {
    for (const auto& row : override_rows()) {
        if (row.name == name) return &row;
    }
    return nullptr;
}

} // namespace pgweir
