#include "proxy/session/unit.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace pgweir;

namespace {

constexpr std::size_t roomy = 1'000'000;

std::string message(char type, std::size_t body = 0) {
    const auto length = static_cast<std::uint32_t>(body + 4);
    std::string out{type};
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        out += static_cast<char>(length >> shift & 0xffU);
    return out + std::string(body, 'x');
}

std::string messages(std::string_view types) {
    std::string out;
    for (const char type : types)
        out += message(type, 7);
    return out;
}

std::string types(const unit& u) {
    std::string out;
    for (const auto& m : u.messages)
        out += m.type;
    return out;
}

} // namespace

TEST(Unit, EndsWithQuerySyncFlushOrFunctionCall) {
    for (const char end : {'Q', 'S', 'H', 'F'}) {
        SCOPED_TRACE(end);
        const auto input = messages("PBDEC") + message(end) + messages("PB");
        unit u;
        ASSERT_EQ(scan_unit(input, roomy, u), unit_scan::complete);
        EXPECT_EQ(u.end, end);
        EXPECT_EQ(types(u), std::string{"PBDEC"} + end);
        EXPECT_EQ(u.bytes.size(), 5 * 12 + 5U);
        EXPECT_EQ(u.rest, 0U);
        EXPECT_EQ(u.is_whole(), end != 'H') << "Flush ends the waiting, not the unit";
        EXPECT_FALSE(u.is_simple());
    }
}

TEST(Unit, OfPipelinedUnitsTakesTheFirst) {
    const auto input = messages("QQS");
    unit u;
    ASSERT_EQ(scan_unit(input, roomy, u), unit_scan::complete);
    EXPECT_TRUE(u.is_simple());
    EXPECT_TRUE(u.is_whole());
    EXPECT_EQ(u.bytes.size(), 12U);
}

TEST(Unit, IsIncompleteUntilItsLastByteHowever) {
    const auto input = messages("PBES");
    for (std::size_t cut = 0; cut < input.size(); ++cut) {
        SCOPED_TRACE(cut);
        const std::vector<char> there(input.begin(),
                                      input.begin() + static_cast<std::ptrdiff_t>(cut));
        unit u;
        EXPECT_EQ(scan_unit({there.data(), there.size()}, roomy, u), unit_scan::incomplete);
    }
    unit u;
    EXPECT_EQ(scan_unit(input, roomy, u), unit_scan::complete);
}

TEST(Unit, KnowsWhereEachMessageStandsAndWhatItsBodyIs) {
    const auto input = message('P', 3) + message('S');
    unit u;
    ASSERT_EQ(scan_unit(input, roomy, u), unit_scan::complete);
    ASSERT_EQ(u.messages.size(), 2U);
    EXPECT_EQ(u.messages[0].offset, 0U);
    EXPECT_EQ(u.messages[0].size, 8U);
    EXPECT_EQ(u.body(u.messages[0]), "xxx");
    EXPECT_EQ(u.messages[1].offset, 8U);
    EXPECT_EQ(u.body(u.messages[1]), "");
}

TEST(Unit, CopyDataOrTerminateInItsMiddleCutsIt) {
    for (const char other : {'d', 'c', 'f', 'X', '?'}) {
        SCOPED_TRACE(other);
        const auto input = messages("PB") + message(other);
        unit u;
        ASSERT_EQ(scan_unit(input, roomy, u), unit_scan::complete);
        EXPECT_EQ(types(u), "PB");
        EXPECT_EQ(u.bytes.size(), 24U);
        EXPECT_EQ(u.end, 0);
        EXPECT_FALSE(u.is_whole());
        unit alone;
        EXPECT_EQ(scan_unit(message(other), roomy, alone), unit_scan::bad);
    }
}

TEST(Unit, ALengthThatCannotBeIsBad) {
    const std::string negative{"Q\xff\xff\xff\xff", 5};
    unit first;
    EXPECT_EQ(scan_unit(negative, roomy, first), unit_scan::bad);
    unit later;
    EXPECT_EQ(scan_unit(messages("P") + negative, roomy, later), unit_scan::bad);
}

TEST(Unit, BeyondTheLimitGoesAsFarAsItIsComplete) {
    const auto input = messages("PBPB") + "B";
    unit u;
    EXPECT_EQ(scan_unit(input, 48, u), unit_scan::incomplete);
    u.clear();
    ASSERT_EQ(scan_unit(input, 47, u), unit_scan::complete);
    EXPECT_EQ(types(u), "PBPB");
    EXPECT_EQ(u.bytes.size(), 48U);
    EXPECT_EQ(u.end, 0);
    EXPECT_EQ(u.rest, 0U);
}

TEST(Unit, WhatStandsBeforeALargeMessageGoesFirst) {
    const auto input = messages("P") + message('B', 10'000).substr(0, 50);
    unit u;
    ASSERT_EQ(scan_unit(input, 1'000, u), unit_scan::complete);
    EXPECT_EQ(types(u), "P");
    EXPECT_EQ(u.end, 0);
}

TEST(Unit, ALargeMessageStartsToStreamOnceAGoodPieceOfItIsThere) {
    const auto large = message('Q', 10'000);
    unit u;
    EXPECT_EQ(scan_unit(large.substr(0, 499), 1'000, u), unit_scan::incomplete);
    u.clear();
    const auto piece = large.substr(0, 500);
    ASSERT_EQ(scan_unit(piece, 1'000, u), unit_scan::complete);
    EXPECT_EQ(u.end, 'Q');
    EXPECT_EQ(u.rest, large.size() - 500);
    EXPECT_EQ(u.bytes.size(), 500U);
    EXPECT_FALSE(u.is_whole()) << "its end has not come";
    u.clear();
    const auto bind = message('B', 10'000).substr(0, 700);
    ASSERT_EQ(scan_unit(bind, 1'000, u), unit_scan::complete);
    EXPECT_EQ(u.end, 0);
}

TEST(Unit, ALargeMessageThatIsAllThereIsAnOrdinaryOne) {
    const auto input = message('B', 10'000) + message('S');
    unit u;
    ASSERT_EQ(scan_unit(input, 1'000, u), unit_scan::complete);
    EXPECT_EQ(types(u), "BS");
    EXPECT_EQ(u.rest, 0U);
    EXPECT_TRUE(u.is_whole());
}

TEST(Unit, ClearedIsAsNew) {
    unit u;
    const auto input = messages("PH");
    ASSERT_EQ(scan_unit(input, roomy, u), unit_scan::complete);
    u.facts.push_back(nullptr);
    u.rest = 3;
    u.parse_only = false;
    u.foreign_portal = u.holds_portal = u.unparsed = u.waits = true;
    u.hint = sql::routing_hint::primary;
    u.clear();
    EXPECT_TRUE(u.bytes.empty() && u.messages.empty() && u.facts.empty());
    EXPECT_EQ(u.end, 0);
    EXPECT_EQ(u.rest, 0U);
    EXPECT_TRUE(u.parse_only);
    EXPECT_FALSE(u.foreign_portal || u.holds_portal || u.unparsed || u.waits);
    EXPECT_EQ(u.hint, sql::routing_hint::none);
}

TEST(Unit, HasASingleStatementOnlyIfItHasOne) {
    auto one = std::make_shared<sql::query_facts>();
    one->statements.resize(1);
    auto two = std::make_shared<sql::query_facts>();
    two->statements.resize(2);
    unit u;
    EXPECT_EQ(u.single(), nullptr);
    u.facts = {two};
    EXPECT_EQ(u.single(), nullptr);
    u.facts = {one};
    EXPECT_EQ(u.single(), &one->statements.front());
    u.facts = {one, one};
    EXPECT_EQ(u.single(), nullptr);
}
