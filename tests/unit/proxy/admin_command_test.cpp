#include "proxy/admin/admin_command.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir {
namespace {

admin_command only(std::string_view text) {
    const auto parsed = parse_admin_text(text);
    EXPECT_EQ(parsed.size(), 1U) << text;
    if (parsed.size() != 1) return {};
    if (const auto* const why = std::get_if<admin_error>(&parsed.front())) {
        ADD_FAILURE() << text << ": " << why->message;
        return {};
    }
    return std::get<admin_command>(parsed.front());
}

admin_error wrong(std::string_view text) {
    const auto parsed = parse_admin_text(text);
    if (parsed.empty() || !std::holds_alternative<admin_error>(parsed.back())) {
        ADD_FAILURE() << text << " was taken";
        return {};
    }
    return std::get<admin_error>(parsed.back());
}

TEST(AdminCommand, ReadsEveryTableOfShowInAnyCase) {
    const std::pair<const char*, show_topic> cases[] = {
        {"SHOW POOLS", show_topic::pools},          {"show clients", show_topic::clients},
        {"Show Servers;", show_topic::servers},     {"show nodes", show_topic::nodes},
        {"show config", show_topic::config},        {"show databases", show_topic::databases},
        {"show users", show_topic::users},          {"show stats", show_topic::stats},
        {"show lists", show_topic::lists},          {"show version", show_topic::version},
        {" \t\nshow\nstate ; ", show_topic::state}, {"show help", show_topic::help},
    };
    for (const auto& [text, topic] : cases) {
        const auto command = only(text);
        EXPECT_EQ(command.word, admin_word::show) << text;
        EXPECT_EQ(command.topic, topic) << text;
        EXPECT_EQ(tag_of(command), "SHOW");
    }
}

TEST(AdminCommand, ReadsWhatDriversAskFor) {
    EXPECT_EQ(only("SHOW TRANSACTION ISOLATION LEVEL").argument, "transaction_isolation");
    EXPECT_EQ(only("show time zone").argument, "timezone");
    const auto asked = only("show DateStyle");
    EXPECT_EQ(asked.topic, show_topic::parameter);
    ASSERT_NE(console_parameter(asked.argument), nullptr);
    EXPECT_EQ(*console_parameter(asked.argument), "ISO, MDY");
}

TEST(AdminCommand, TakesArgumentsBareOrQuoted) {
    for (const auto* text : {"detach 10.0.0.1:5432", "DETACH '10.0.0.1:5432'",
                             "detach \"10.0.0.1:5432\";", "detach/* now */10.0.0.1:5432 -- yes"}) {
        const auto command = only(text);
        EXPECT_EQ(command.word, admin_word::detach) << text;
        EXPECT_EQ(command.argument, "10.0.0.1:5432") << text;
    }
    EXPECT_EQ(only("pause \"my \"\"db\"\"; x\"").argument, "my \"db\"; x");
    EXPECT_EQ(only("pause 'it''s'").argument, "it's");
    EXPECT_EQ(only("pause Shop").argument, "Shop") << "names keep their case";
    EXPECT_EQ(only("pause").argument, "");
}

TEST(AdminCommand, ReadsAllCommands) {
    const std::pair<const char*, admin_word> cases[] = {
        {"reload", admin_word::reload},          {"pause a", admin_word::pause},
        {"resume", admin_word::resume},          {"attach 1", admin_word::attach},
        {"drain 1", admin_word::drain},          {"kill_client 12", admin_word::kill_client},
        {"reconnect db", admin_word::reconnect}, {"shutdown", admin_word::shutdown},
        {"switchover", admin_word::switchover},  {"SWITCHOVER 'db-1:5432'", admin_word::switchover},
    };
    for (const auto& [text, word] : cases)
        EXPECT_EQ(only(text).word, word) << text;
    EXPECT_EQ(only("shutdown").shutdown, shutdown_mode::now);
    EXPECT_EQ(only("shutdown WAIT_FOR_SERVERS").shutdown, shutdown_mode::wait_for_servers);
    EXPECT_EQ(only("shutdown wait_for_clients").shutdown, shutdown_mode::wait_for_clients);
    EXPECT_EQ(tag_of(only("kill_client 12")), "KILL_CLIENT");
}

TEST(AdminCommand, KnowsWhatSetIsAbout) {
    EXPECT_EQ(only("SET pool_size = 5").argument, "pool_size");
    EXPECT_EQ(only("set pool_size=5").argument, "pool_size");
    EXPECT_EQ(only("set session TimeZone to 'UTC'").argument, "timezone");
    EXPECT_EQ(only("set time zone 'UTC'").argument, "timezone");
    EXPECT_TRUE(is_driver_parameter("extra_float_digits"));
    EXPECT_FALSE(is_driver_parameter("pool_size"));
}

TEST(AdminCommand, SplitsStatementsAndStopsAtTheFirstError) {
    EXPECT_EQ(parse_admin_text("show pools; show clients;; show state").size(), 3U);
    EXPECT_EQ(parse_admin_text("pause 'a;b'; resume").size(), 2U);
    const auto broken = parse_admin_text("show pools; make coffee; reload");
    ASSERT_EQ(broken.size(), 2U);
    EXPECT_TRUE(std::holds_alternative<admin_error>(broken.back()));
    for (const auto* text : {"", ";", " ; ;", "-- nothing", "/* nothing */"})
        EXPECT_TRUE(parse_admin_text(text).empty()) << text;
}

TEST(AdminCommand, RefusesWhatItDoesNotKnowAndNamesTheHelp) {
    for (const auto* text : {"make coffee",
                             "show",
                             "show me",
                             "show pools now",
                             "reload now",
                             "attach",
                             "detach ''",
                             "kill_client",
                             "kill_client x",
                             "kill_client 0",
                             "kill_client -1",
                             "kill_client 99999999999",
                             "shutdown later",
                             "pause a b",
                             "set",
                             "set a",
                             "'show' pools",
                             "pause 'a",
                             "pause \"a",
                             "show pools /* open",
                             "=",
                             ",",
                             "select 1"}) {
        const auto why = wrong(text);
        EXPECT_EQ(why.sqlstate, "42601") << text;
        EXPECT_THAT(why.hint, ::testing::HasSubstr("SHOW HELP")) << text;
    }
}

TEST(AdminCommand, IsUnharmedByAnyBytes) {
    std::string every;
    for (int c = 0; c < 256; ++c)
        every += static_cast<char>(c);
    for (std::size_t from = 0; from < every.size(); ++from)
        EXPECT_LE(parse_admin_text(std::string_view{every}.substr(from)).size(), 2U);
}

TEST(AdminCommand, HelpNamesEveryCommand) {
    for (const auto* word : {"POOLS", "NODES", "RELOAD", "PAUSE", "RESUME", "ATTACH", "DETACH",
                             "DRAIN", "RECONNECT", "KILL_CLIENT", "SWITCHOVER", "WAIT_FOR_SERVERS"})
        EXPECT_THAT(std::string{admin_help()}, ::testing::HasSubstr(word));
}

class ChooseNode : public ::testing::Test {
protected:
    void SetUp() override {
        for (const auto& [host, port] : {std::pair{"db-0", 5432}, {"db-0", 5433}, {"db-1", 5432}}) {
            node_view node;
            node.id = static_cast<std::uint16_t>(view_.nodes.size());
            node.host = host;
            node.port = static_cast<std::uint16_t>(port);
            node.name = std::string{host} + ":" + std::to_string(port);
            view_.nodes.push_back(node);
        }
    }
    std::uint16_t found(std::string_view text) {
        const auto result = choose_node(view_, text);
        const auto* const id = std::get_if<std::uint16_t>(&result);
        return id == nullptr ? 99 : *id;
    }
    cluster_view view_;
};

TEST_F(ChooseNode, ByNumberNameOrHost) {
    EXPECT_EQ(found("1"), 1);
    EXPECT_EQ(found("db-0:5433"), 1);
    EXPECT_EQ(found("db-1"), 2);
    EXPECT_EQ(found("db-1:5432"), 2);
}

TEST_F(ChooseNode, RefusesUnknownAndAmbiguousOnes) {
    for (const auto* text : {"db-0", "3", "db-2", "db-0:1", "", "-1"}) {
        const auto result = choose_node(view_, text);
        ASSERT_TRUE(std::holds_alternative<admin_error>(result)) << text;
        EXPECT_EQ(std::get<admin_error>(result).sqlstate, "42704");
    }
}

} // namespace
} // namespace pgweir
