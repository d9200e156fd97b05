// From the settings to what the monitor, the catalog reader and the router want to know. Pure.
#pragma once

#include "proxy/cluster/catalog_reader.hpp"
#include "proxy/cluster/monitor_settings.hpp"
#include "proxy/config/settings.hpp"
#include "proxy/router/catalog_snapshot.hpp"
#include "proxy/router/outlier_watch.hpp"
#include "proxy/router/read_your_writes.hpp"
#include "proxy/router/routing_policy.hpp"

#include <memory>
#include <string>
#include <vector>

namespace pgweir {

[[nodiscard]] monitor_settings monitor_settings_of(const settings& s);
[[nodiscard]] routing_policy_text policy_text(const settings& s);
/// In the router's own words.
[[nodiscard]] consistency consistency_of(const consistency_setting& s);

[[nodiscard]] outlier_settings outlier_settings_of(const settings& s);

/// A snapshot from the catalog queries' answers; null and a log line if they cannot be used.
[[nodiscard]] std::shared_ptr<const catalog>
catalog_from(const std::string& database,
             std::uint32_t server_version,
             const std::vector<catalog_result>& results,
             const std::shared_ptr<const routing_policy>& policy);

} // namespace pgweir
