#include "proxy/log.hpp"

#include <gtest/gtest.h>
#include <spdlog/formatter.h>
#include <spdlog/spdlog.h>

namespace pgweir {
namespace {

using namespace std::string_literals;

std::string quoted(std::string_view text) {
    return fmt::format("{}", log::quoted(text));
}

std::string members(std::string_view line) {
    fmt::memory_buffer out;
    log::append_json_members(out, line);
    return fmt::to_string(out);
}

std::string line(log_format format, std::string_view text) {
    spdlog::details::log_msg message{
        spdlog::log_clock::time_point{std::chrono::milliseconds{1'769'903'999'123}},
        {},
        "pgweir",
        spdlog::level::warn,
        text};
    spdlog::memory_buf_t out;
    log::make_formatter(format)->format(message, out);
    return {out.data(), out.size()};
}

TEST(Log, ALineHasTimeLevelAndText) {
    EXPECT_EQ(line(log_format::text, "node down node=a:1"),
              "2026-01-31T23:59:59.123Z warning node down node=a:1\n");
    EXPECT_EQ(
        line(log_format::json, "node down node=a:1: no answer"),
        R"({"time":"2026-01-31T23:59:59.123Z","level":"warning","event":"node down","node":"a:1","detail":"no answer"})"
        "\n");
}

TEST(Log, UntrustedTextCannotForgeAPairALineOrATerminalCommand) {
    EXPECT_EQ(quoted("alice"), "alice");
    EXPECT_EQ(quoted(""), R"("")");
    EXPECT_EQ(quoted("a b"), R"("a b")");
    EXPECT_EQ(quoted("x user=root"), R"("x user=root")");
    EXPECT_EQ(quoted("say \"hi\" \\"), R"("say \"hi\" \\")");
    EXPECT_EQ(quoted("a\nb\x1b[31m\x7f"), R"("a\x0ab\x1b[31m\x7f")");
    EXPECT_EQ(quoted("zo\xc3\xab"), "\"zo\xc3\xab\"");
    EXPECT_EQ(quoted("\xff\xc3"), R"("\xff\xc3")");
    EXPECT_EQ(quoted("\xc2\x9b"), R"("\xc2\x9b")");
    EXPECT_EQ(line(log_format::text, "two\nlines"),
              "2026-01-31T23:59:59.123Z warning two\\x0alines\n");
}

TEST(Log, OverlongAndSurrogateBytesAreNoCharacters) {
    EXPECT_EQ(quoted("\xc0\xaf"), R"("\xc0\xaf")");
    EXPECT_EQ(quoted("\xe0\x80\xaf"), R"("\xe0\x80\xaf")");
    EXPECT_EQ(quoted("\xed\xa0\x80"), R"("\xed\xa0\x80")");
    EXPECT_EQ(quoted("\xf4\x90\x80\x80"), R"("\xf4\x90\x80\x80")");
    EXPECT_EQ(quoted("\xf0\x9f\x90\x98"), "\"\xf0\x9f\x90\x98\"");
}

TEST(Log, JsonHoldsThePairsOfALine) {
    EXPECT_EQ(members("started"), R"(,"event":"started")");
    EXPECT_EQ(members(""), R"(,"event":"")");
    EXPECT_EQ(members("http listening address=0.0.0.0 port=9719"),
              R"(,"event":"http listening","address":"0.0.0.0","port":"9719")");
    EXPECT_EQ(members(R"(client left user="a \"b\" c" database=d: bye x=1)"),
              R"(,"event":"client left","user":"a \"b\" c","database":"d","detail":"bye x=1")");
    EXPECT_EQ(members(R"(left user="u": why)"), R"(,"event":"left","user":"u","detail":"why")");
    EXPECT_EQ(members("a=1 then words"), R"(,"event":"","a":"1","detail":"then words")");
    EXPECT_EQ(members("odd a= b=\"open"), R"(,"event":"odd","a":"","b":"open")");
    EXPECT_EQ(members("ends with blank "), R"(,"event":"ends with blank")");
}

TEST(Log, JsonIsValidForAnyBytes) {
    std::string all;
    for (int i = 0; i < 256; ++i)
        all += static_cast<char>(i);
    fmt::memory_buffer out;
    log::append_json(out, all);
    const auto text = fmt::to_string(out);
    EXPECT_TRUE(text.starts_with("\"\\u0000\\u0001"));
    for (const char c : text)
        EXPECT_TRUE(c >= 0x20 && c < 0x7f);
}

} // namespace
} // namespace pgweir
