#include "sql/classify.hpp"
#include "sql/facts_cache.hpp"
#include "tests/unit/sql/describe.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir::sql {

namespace {

constexpr std::size_t one_mebibyte = std::size_t{1} << 20;
constexpr std::uint64_t seed = 0x5eed;

} // namespace

TEST(FactsCache, AnswersAsTheClassifierDoes) {
    facts_cache cache{one_mebibyte, seed};
    for (int round = 0; round < 3; ++round) {
        for (const auto* text :
             {"select a from t where b = 5", "set a = 1", "begin", "selec", "",
              "select 'x; y'; commit", "explain route select 1", "insert into t values (1), (2)"}) {
            EXPECT_EQ(describe(*cache.look_up(text)), describe(classify(text))) << text;
        }
    }
}

TEST(FactsCache, SecondLookIsAnsweredByFormThirdByText) {
    facts_cache cache{one_mebibyte, seed};
    const auto first = cache.look_up("select a from t where b = 5");
    EXPECT_EQ(cache.counts().parsed, 1U);
    EXPECT_EQ(cache.look_up("select a from t where b = 5"), first);
    EXPECT_EQ(cache.counts().folded_hits, 1U);
    EXPECT_EQ(cache.look_up("select a from t where b = 5"), first);
    EXPECT_EQ(cache.counts().exact_hits, 1U);
    EXPECT_EQ(cache.look_up("select a  from t where b = 6"), first);
    EXPECT_EQ(cache.counts().folded_hits, 2U);
    EXPECT_EQ(cache.counts().parsed, 1U);
}

TEST(FactsCache, AFingerprintLeavesAllLiteralsOutAndOutlivesTheEntry) {
    facts_cache cache{one_mebibyte, seed};
    const auto fingerprint = cache.look_up("select a from t where b = 5")->fingerprint;
    EXPECT_NE(fingerprint, 0U);
    EXPECT_EQ(cache.look_up("select a from t where b = 6")->fingerprint, fingerprint);
    EXPECT_NE(cache.look_up("select a from t where c = 5")->fingerprint, fingerprint);
    const auto of_call = cache.look_up("select f(1, 'x'), 2::text")->fingerprint;
    EXPECT_NE(cache.look_up("select f(-2, 'x'), 2::text")->fingerprint, of_call);
    EXPECT_EQ(cache.look_up("select f(2, E'y'), /* */ '3'::text")->fingerprint, of_call);
    facts_cache tiny{1, seed};
    EXPECT_EQ(tiny.look_up("select a from t where b = 7")->fingerprint, fingerprint);
    EXPECT_EQ(cache.look_up("select " + std::string(2 * one_mebibyte, '1'))->fingerprint, 0U);
}

TEST(FactsCache, StatementsWithMeaningfulLiteralsAreToldApart) {
    facts_cache cache{one_mebibyte, seed};
    for (int round = 0; round < 3; ++round) {
        EXPECT_EQ(cache.look_up("set a.b = 'x'")->statements[0].effects[0].value, "x");
        EXPECT_EQ(cache.look_up("set a.b = 'y'")->statements[0].effects[0].value, "y");
        EXPECT_EQ(
            cache.look_up("select set_config('a.b', 'x', true)")->statements[0].effects[0].value,
            "x");
        EXPECT_EQ(
            cache.look_up("select set_config('a.b', 'y', true)")->statements[0].effects[0].value,
            "y");
        EXPECT_TRUE(cache.look_up("select a = 'now'")->statements[0].has_time_word);
        EXPECT_FALSE(cache.look_up("select a = 'never'")->statements[0].has_time_word);
        EXPECT_EQ(cache.look_up("explain route select 1")->statements[0].routed_text, "select 1");
        EXPECT_EQ(cache.look_up("explain route select 2")->statements[0].routed_text, "select 2");
        EXPECT_EQ(cache.look_up("explain route /* pgweir: primary */ select 2")
                      ->statements[0]
                      .routed_text,
                  "/* pgweir: primary */ select 2");
    }
}

TEST(FactsCache, TextsSeenOnceDoNotPushOutThoseSeenOften) {
    facts_cache cache{one_mebibyte, seed};
    const std::string often = "select abalance from pgbench_accounts where aid = $1";
    for (int i = 0; i < 20000; ++i) {
        (void)cache.look_up(often);
        (void)cache.look_up("select a from t where b = " + std::to_string(i));
    }
    EXPECT_EQ(cache.counts().parsed, 2U);
    EXPECT_GE(cache.counts().exact_hits, 19998U);
    EXPECT_LE(cache.counts().exact_hits, 20000U);
    EXPECT_LT(cache.bytes(), 10000U);
}

TEST(FactsCache, StaysWithinItsBytes) {
    constexpr std::size_t limit = 64 * 1024;
    facts_cache cache{limit, seed};
    for (int i = 0; i < 3000; ++i) {
        const std::string text = "select f" + std::to_string(i) + "(" +
                                 std::string(static_cast<std::size_t>(i % 50), '1') + "0)";
        for (int round = 0; round < 2; ++round)
            (void)cache.look_up(text);
        ASSERT_LE(cache.bytes(), limit);
    }
    EXPECT_GT(cache.counts().evictions, 1000U);
}

TEST(FactsCache, TextBeyondTheParseLimitIsNotParsed) {
    facts_cache cache{one_mebibyte, seed, 100};
    const std::string text = "select " + std::string(100, '1');
    EXPECT_FALSE(cache.look_up(text)->parsed);
    EXPECT_EQ(cache.counts().too_long, 1U);
    EXPECT_EQ(cache.counts().parsed, 0U);
}

TEST(FactsCache, LongTextsAreKnownByTheirForm) {
    facts_cache cache{one_mebibyte, seed};
    std::string text = "insert into t values (0, 'some text')";
    for (int i = 0; i < 2000; ++i)
        text += ", (" + std::to_string(i) + ", 'some text')";
    const auto facts = cache.look_up(text);
    EXPECT_EQ(describe(*facts), "insert writes rel:t");
    EXPECT_EQ(cache.look_up("insert into t values (1, 'x')"), facts);
    EXPECT_EQ(cache.look_up(text), facts);
    EXPECT_EQ(cache.counts().parsed, 1U);
}

TEST(FactsCache, AnswersOutliveTheCache) {
    std::shared_ptr<const query_facts> facts;
    {
        facts_cache cache{one_mebibyte, seed};
        facts = cache.look_up("select a from t");
    }
    EXPECT_EQ(describe(*facts), "select rel:t col:a");
}

} // namespace pgweir::sql
