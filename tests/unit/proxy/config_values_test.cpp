#include "proxy/config/values.hpp"

#include <gtest/gtest.h>

namespace pgweir {
namespace {

using namespace std::chrono_literals;

raw_value text(std::string value) {
    raw_value raw;
    raw.text = std::move(value);
    return raw;
}

raw_value list(std::vector<std::string> items) {
    raw_value raw;
    raw.form = raw_value::kind::list;
    raw.items = std::move(items);
    return raw;
}

template <class T> T parsed(const std::string& value, const value_limits& limits = {}) {
    T out{};
    const auto error = parse_value(text(value), limits, out);
    EXPECT_EQ(error, "") << value;
    return out;
}

template <class T> std::string refused(const std::string& value, const value_limits& limits = {}) {
    T out{};
    const T before = out;
    auto error = parse_value(text(value), limits, out);
    EXPECT_NE(error, "") << value;
    EXPECT_EQ(out, before) << "a refused value must change nothing: " << value;
    return error;
}

TEST(ConfigValues, DurationsCarryAUnit) {
    using ms = std::chrono::milliseconds;
    EXPECT_EQ(parsed<ms>("0"), 0ms);
    EXPECT_EQ(parsed<ms>("500ms"), 500ms);
    EXPECT_EQ(parsed<ms>("5s"), 5s);
    EXPECT_EQ(parsed<ms>(" 5 min "), 5min);
    EXPECT_EQ(parsed<ms>("5m"), 5min);
    EXPECT_EQ(parsed<ms>("2h"), 2h);
    EXPECT_EQ(parsed<ms>("1d"), 24h);
    EXPECT_EQ(refused<ms>("5"),
              "needs a unit: must be a duration such as 500ms, 5s, 2min, 1h or 1d");
    for (const auto* bad :
         {"", "s", "5 sec", "-1s", "1.5s", "5s5", "99999999999999999999s", "99999999999999999d"}) {
        refused<ms>(bad);
    }
}

TEST(ConfigValues, DurationsSayTheirLimits) {
    const value_limits limits{.min = 100, .max = 3'600'000, .or_zero = true};
    EXPECT_EQ(refused<std::chrono::milliseconds>("99ms", limits),
              "must be a duration such as 500ms, 5s, 2min, 1h or 1d, 0 or from 100ms to 1h");
    EXPECT_EQ(parsed<std::chrono::milliseconds>("0", limits), 0ms);
}

TEST(ConfigValues, SizesTakeAUnitOrBytes) {
    EXPECT_EQ(parsed<byte_count>("64kB").value, 65536U);
    EXPECT_EQ(parsed<byte_count>("16MB").value, 16U << 20);
    EXPECT_EQ(parsed<byte_count>("1GB").value, 1U << 30);
    EXPECT_EQ(parsed<byte_count>("123").value, 123U);
    for (const auto* bad : {"", "kB", "1KB", "-1", "1.5MB", "99999999TB"})
        refused<byte_count>(bad);
}

TEST(ConfigValues, NumbersAreWholeAndWithinTheirLimits) {
    EXPECT_EQ(parsed<std::uint16_t>("65535"), 65535);
    EXPECT_EQ(refused<std::uint16_t>("65536"), "must be a whole number, from 0 to 65535");
    EXPECT_EQ(refused<std::uint32_t>("0", {.min = 1, .max = 10}),
              "must be a whole number, from 1 to 10");
    for (const auto* bad : {"", "x", "1x", "-1", "1.0", "0x10", "18446744073709551616"})
        refused<std::uint64_t>(bad);
}

TEST(ConfigValues, SwitchesTakePostgresWords) {
    for (const auto* yes : {"true", "on", "yes", "1"})
        EXPECT_TRUE(parsed<bool>(yes));
    bool value = true;
    for (const auto* no : {"false", "off", "no", "0"}) {
        EXPECT_EQ(parse_value(text(no), {}, value), "");
        EXPECT_FALSE(value);
    }
    refused<bool>("TRUE ");
    refused<bool>("");
}

TEST(ConfigValues, PermissionsAreOctal) {
    EXPECT_EQ(parsed<file_mode>("0770").value, 0770U);
    EXPECT_EQ(format_value(file_mode{0640}), "0640");
    file_mode unchanged{0123};
    for (const auto* bad : {"0788", "1777", "rwx", ""}) {
        EXPECT_NE(parse_value(text(bad), {}, unchanged), "");
        EXPECT_EQ(unchanged.value, 0123U);
    }
}

TEST(ConfigValues, WordsAreListedWhenNoneFits) {
    EXPECT_EQ(parsed<tls_mode>("verify-full"), tls_mode::verify_full);
    EXPECT_EQ(parsed<auth_method>("scram-sha-256"), auth_method::scram_sha_256);
    EXPECT_EQ(refused<pool_mode>("Session"), "must be one of transaction, session, statement");
}

TEST(ConfigValues, NodesAreHostPortWeight) {
    const auto nodes =
        parsed<std::vector<node_setting>>("pg-0, pg-1:6432,[fd00::1]:5433:0.5,/run/pg:5432:0");
    ASSERT_EQ(nodes.size(), 4U);
    EXPECT_EQ(nodes[0], (node_setting{"pg-0", 5432, 1.0}));
    EXPECT_EQ(nodes[1], (node_setting{"pg-1", 6432, 1.0}));
    EXPECT_EQ(nodes[2], (node_setting{"fd00::1", 5433, 0.5}));
    EXPECT_EQ(nodes[3], (node_setting{"/run/pg", 5432, 0.0}));
    EXPECT_EQ(node_name(nodes[2]), "[fd00::1]:5433");
    EXPECT_EQ(format_value(nodes), "pg-0:5432,pg-1:6432,[fd00::1]:5433:0.5,/run/pg:5432:0");
    for (const auto* bad : {":5432", "a:", "a:0", "a:65536", "a:x", "a:1:", "a:1:-1", "a:1:nan",
                            "a:1:1:1", "[::1", "[::1]x", "a b"}) {
        refused<std::vector<node_setting>>(bad);
    }
}

TEST(ConfigValues, ANodeOfManyAddressesSaysSo) {
    const auto nodes =
        parsed<std::vector<node_setting>>("dns:pg.svc, dns:pg:6432:0.5, dns:5432, dns");
    ASSERT_EQ(nodes.size(), 4U);
    EXPECT_EQ(nodes[0], (node_setting{"pg.svc", 5432, 1.0, true}));
    EXPECT_EQ(nodes[1], (node_setting{"pg", 6432, 0.5, true}));
    EXPECT_EQ(nodes[2], (node_setting{"dns", 5432, 1.0})) << "a server that is called so";
    EXPECT_EQ(nodes[3], (node_setting{"dns", 5432, 1.0}));
    EXPECT_EQ(format_value(nodes), "dns:pg.svc:5432,dns:pg:6432:0.5,dns:5432,dns:5432");
    for (const auto* bad : {"dns:", "dns::5432", "dns:/run/pg", "dns:[fd00::1]", "dns:pg:x"})
        refused<std::vector<node_setting>>(bad);
}

TEST(ConfigValues, AListAndATextWithSeparatorsMeanTheSame) {
    std::vector<std::string> from_list;
    EXPECT_EQ(parse_value(list({"a,b", "c"}), {}, from_list), "");
    EXPECT_EQ(from_list, (std::vector<std::string>{"a,b", "c"}));
    EXPECT_EQ(parsed<std::vector<std::string>>(" a , b,,"), (std::vector<std::string>{"a", "b"}));
    EXPECT_EQ(parsed<std::vector<std::string>>("a,b;c", {.separator = ';'}),
              (std::vector<std::string>{"a,b", "c"}));
    std::uint32_t number = 7;
    EXPECT_NE(parse_value(list({"1"}), {}, number), "");
    EXPECT_EQ(number, 7U);
}

TEST(ConfigValues, RedirectPreferencesNameATargetAndAShare) {
    const auto all =
        parsed<std::vector<redirect_preference>>("postgres:primary,mydb[01]:1(0.3),a:b:standby");
    ASSERT_EQ(all.size(), 3U);
    EXPECT_EQ(all[0], (redirect_preference{"postgres", "primary", 1.0}));
    EXPECT_EQ(all[1], (redirect_preference{"mydb[01]", "1", 0.3}));
    EXPECT_EQ(all[2], (redirect_preference{"a:b", "standby", 1.0}));
    EXPECT_EQ(format_value(all), "postgres:primary,mydb[01]:1(0.3),a:b:standby");
    for (const auto* bad : {"x", ":1", "a:", "a:nowhere", "a:1(2)", "a:1(", "a:1)"}) {
        refused<std::vector<redirect_preference>>(bad);
    }
}

TEST(ConfigValues, ConsistencyMayBeBounded) {
    EXPECT_EQ(parsed<consistency_setting>("eventual").level, consistency_level::eventual);
    EXPECT_EQ(parsed<consistency_setting>("bounded:250"),
              (consistency_setting{consistency_level::bounded, 250ms}));
    EXPECT_EQ(format_value(consistency_setting{consistency_level::bounded, 250ms}), "bounded:250");
    const auto strict = parsed<consistency_setting>("session:strict");
    EXPECT_EQ(strict.level, consistency_level::session);
    EXPECT_TRUE(strict.strict);
    EXPECT_FALSE(parsed<consistency_setting>("session").strict);
    EXPECT_EQ(format_value(strict), "session:strict");
    for (const auto* bad : {"", "bounded", "bounded:", "bounded:0", "bounded:x", "strong"}) {
        refused<consistency_setting>(bad);
    }
}

TEST(ConfigValues, SecretsAreNeverPrinted) {
    EXPECT_EQ(format_value(secret{"hunter2"}), "******");
    EXPECT_EQ(format_value(secret{}), "");
}

} // namespace
} // namespace pgweir
