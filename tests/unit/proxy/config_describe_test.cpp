#include "proxy/config/address_range.hpp"
#include "proxy/config/command_line.hpp"
#include "proxy/config/describe.hpp"
#include "proxy/config/table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

namespace pgweir {
namespace {

using testing::HasSubstr;

TEST(SettingsReference, IsTheCommittedReadme) {
    std::ifstream file{PGWEIR_SOURCE_DIR "/proxy/config/README.md"};
    std::stringstream committed;
    committed << file.rdbuf();
    EXPECT_EQ(committed.str(), settings_reference())
        << "run: pgweir --print-settings-reference > proxy/config/README.md";
}

TEST(SettingTable, HasEachNameOnceWithADocumentation) {
    std::set<std::string_view> names;
    for (const auto& group : setting_groups()) {
        for (const auto& row : group.rows) {
            EXPECT_TRUE(names.insert(row.name).second) << row.name;
            EXPECT_TRUE(row.documentation.ends_with('.')) << row.name;
            EXPECT_EQ(find_setting(row.name), &row);
        }
    }
    for (const auto& row : override_rows()) {
        EXPECT_TRUE(find_setting(row.name) != nullptr || !row.documentation.empty()) << row.name;
    }
}

TEST(ShowConfig, MasksSecretsAndTellsWhatAReloadChanges) {
    settings values;
    values.monitor_password.value = "hunter2";
    values.pool_size = 5;
    const auto rows = show_config(values);
    const auto row = [&](std::string_view key) {
        return *std::ranges::find(rows, key, &config_row::key);
    };
    EXPECT_EQ(row("monitor_password").value, "******");
    EXPECT_EQ(row("pool_size").value, "5");
    EXPECT_EQ(row("pool_size").default_value, "20");
    EXPECT_EQ(row("pool_size").changeable, "yes");
    EXPECT_EQ(row("port").changeable, "no");
    EXPECT_EQ(row("queue_timeout").value, "2min");
    for (const auto& one : rows)
        EXPECT_THAT(one.value, testing::Not(HasSubstr("hunter2")));
}

TEST(SettingsHelp, FitsATerminal) {
    std::istringstream lines{settings_help()};
    for (std::string line; std::getline(lines, line);) {
        if (line.find(' ', 6) != std::string::npos) EXPECT_LE(line.size(), 80U) << line;
    }
    EXPECT_THAT(settings_help(), HasSubstr("\n  queue_timeout\n"));
}

command_line parse(std::vector<const char*> arguments) {
    arguments.insert(arguments.begin(), "pgweir");
    return parse_command_line(static_cast<int>(arguments.size()), arguments.data(), "1.2.3");
}

TEST(CommandLine, TakesAFileAndAnyNumberOfAssignments) {
    const auto parsed = parse({"--config", "a.toml", "--set", "port=1", "--set", "nodes=a,b"});
    EXPECT_EQ(parsed.wanted, command_line::action::run);
    EXPECT_EQ(parsed.config_file, "a.toml");
    EXPECT_EQ(parsed.assignments, (std::vector<std::string>{"port=1", "nodes=a,b"}));
    EXPECT_EQ(parse({}).wanted, command_line::action::run);
}

TEST(CommandLine, NamesWhatElseItCanDo) {
    EXPECT_EQ(parse({"--check"}).wanted, command_line::action::check);
    EXPECT_EQ(parse({"--help-settings"}).wanted, command_line::action::print_settings_help);
    EXPECT_EQ(parse({"--print-settings-reference"}).wanted,
              command_line::action::print_settings_reference);
    EXPECT_EQ(parse({"--version"}).text, "pgweir 1.2.3\n");
    const auto help = parse({"--help"});
    EXPECT_EQ(help.wanted, command_line::action::leave);
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.text, HasSubstr("--help-settings"));
}

TEST(CommandLine, AMistakeLeavesWithTwo) {
    for (const auto& arguments :
         {std::vector<const char*>{"--nope"}, {"--set"}, {"--config"}, {"stray"}}) {
        const auto parsed = parse(arguments);
        EXPECT_EQ(parsed.wanted, command_line::action::leave);
        EXPECT_EQ(parsed.exit_code, 2);
        EXPECT_FALSE(parsed.text.empty());
    }
}

TEST(AddressRange, HoldsNetworksOfBothVersions) {
    const std::vector<std::string> ranges{"10.1.0.0/17", "fd00::/9", "192.0.2.7"};
    EXPECT_TRUE(is_within(ranges, false, "10.1.127.255"));
    EXPECT_FALSE(is_within(ranges, false, "10.1.128.0"));
    EXPECT_TRUE(is_within(ranges, false, "::ffff:10.1.2.3"));
    EXPECT_TRUE(is_within(ranges, false, "fd7f::1"));
    EXPECT_FALSE(is_within(ranges, false, "fd80::1"));
    EXPECT_TRUE(is_within(ranges, false, "192.0.2.7"));
    EXPECT_FALSE(is_within(ranges, false, "192.0.2.8"));
    EXPECT_FALSE(is_within(ranges, true, ""));
    EXPECT_FALSE(is_within(ranges, false, "nonsense"));
}

TEST(AddressRange, LocalMeansUnixSocketsAndLoopback) {
    const std::vector<std::string> local{"local"};
    EXPECT_TRUE(is_within(local, true, ""));
    EXPECT_TRUE(is_within(local, false, "127.0.0.1"));
    EXPECT_TRUE(is_within(local, false, "127.9.9.9"));
    EXPECT_TRUE(is_within(local, false, "::1"));
    EXPECT_TRUE(is_within(local, false, "::ffff:127.0.0.1"));
    EXPECT_FALSE(is_within(local, false, "10.0.0.1"));
    const std::vector<std::string> all{"all"};
    EXPECT_TRUE(is_within(all, false, "10.0.0.1"));
    EXPECT_FALSE(is_within({}, true, ""));
    for (const auto* bad :
         {"", "x", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0/8", "10.0.0.0/-1"}) {
        EXPECT_FALSE(parse_address_range(bad).has_value()) << bad;
    }
}

} // namespace
} // namespace pgweir
