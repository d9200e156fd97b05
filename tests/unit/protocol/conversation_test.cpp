#include "protocol/conversation.hpp"
#include "tests/unit/protocol/server_model.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

using namespace pgweir::protocol;

namespace {

expectation of(char letter) {
    switch (letter) {
    case 'P':
        return {expect::parse, origin::frontend, 1};
    case 'B':
        return {expect::bind};
    case 'D':
        return {expect::describe_statement};
    case 'd':
        return {expect::describe_portal};
    case 'E':
        return {expect::execute};
    case 'C':
        return {expect::close, origin::frontend, 2};
    case 'S':
        return {expect::sync};
    case 'Q':
        return {expect::query};
    case 'F':
        return {expect::function_call};
    case 'q':
        return {expect::query, origin::injected};
    case 'p':
        return {expect::parse, origin::helper};
    default:
        return {expect::synthetic, origin::frontend, static_cast<std::uint64_t>(letter)};
    }
}

/// Sends each letter; upper case as above, 'q' an injected Query, '1' and '3' synthetic answers.
void send(conversation& c, std::string_view letters) {
    for (const char letter : letters)
        c.add(of(letter));
}

/// Feeds server message types; 'Z' is followed by its status. Gives one letter a message: f s a u !
std::string feed(conversation& c, std::string_view types) {
    std::string verdicts;
    for (std::size_t i = 0; i < types.size(); ++i) {
        const char type = types[i];
        const char status = type == 'Z' ? types[++i] : ' ';
        verdicts += "fsau!"[static_cast<int>(c.on_message(type, status))];
    }
    return verdicts;
}

std::string endings(conversation& c) {
    std::string text;
    for (const auto& e : c.ended()) {
        text += e.entry.what == expect::synthetic ? static_cast<char>(e.entry.tag)
                : e.entry.what == expect::parse   ? 'P'
                                                  : 'C';
        text += "+-/"[static_cast<int>(e.how)];
    }
    c.clear_ended();
    return text;
}

} // namespace

TEST(Conversation, RestsAfterASimpleQueryOutsideATransaction) {
    conversation c;
    send(c, "Q");
    EXPECT_FALSE(c.at_rest());
    EXPECT_EQ(feed(c, "TDDCZI"), "fffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, DoesNotRestInsideATransaction) {
    conversation c;
    send(c, "Q");
    EXPECT_EQ(feed(c, "CZT"), "ff");
    EXPECT_TRUE(c.empty());
    EXPECT_FALSE(c.at_rest());
}

TEST(Conversation, GivesEveryExtendedMessageItsAnswer) {
    conversation c;
    send(c, "PBDdES");
    EXPECT_EQ(feed(c, "12tTTDCZI"), "ffffffff");
    EXPECT_TRUE(c.at_rest());
    EXPECT_EQ(endings(c), "P+");
}

TEST(Conversation, DropsEverythingUpToSyncAfterAnError) {
    conversation c;
    send(c, "PBESPBES");
    EXPECT_EQ(feed(c, "E"), "f");
    EXPECT_EQ(endings(c), "P-");
    EXPECT_EQ(feed(c, "ZI12CZI"), "fffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, SkipsSimpleQueriesAndFunctionCallsUntilSyncAfterAnError) {
    conversation c;
    send(c, "PBEQQ");
    EXPECT_EQ(feed(c, "E"), "f");
    EXPECT_TRUE(c.skipping());
    EXPECT_FALSE(c.at_rest());
    EXPECT_FALSE(c.add(of('F')));
    EXPECT_FALSE(c.add(of('P')));
    EXPECT_EQ(endings(c), "P-P/");
    EXPECT_TRUE(c.add(of('S')));
    EXPECT_EQ(feed(c, "ZI"), "f");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, ExpectsReadyForQueryAfterAnErrorOfASimpleQueryOrOfSyncItself) {
    conversation c;
    send(c, "Q");
    EXPECT_EQ(feed(c, "EZI"), "ff");
    send(c, "BES");
    EXPECT_EQ(feed(c, "2CEZI"), "ffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, TakesNoReadyForQueryForAQueryThatHasNotBeenAnswered) {
    for (const char* const sent : {"Q", "F", "q"}) {
        SCOPED_TRACE(sent);
        conversation c;
        send(c, sent);
        EXPECT_EQ(feed(c, "ZI"), "!");
    }
    conversation c;
    send(c, "QQ");
    EXPECT_EQ(feed(c, "IZIZI"), "ff!") << "the second has an answer of its own to come";
}

TEST(Conversation, KnowsTheTransactionStatusesAndNoOther) {
    for (const char status : {'I', 'T', 'E'}) {
        conversation c;
        send(c, "S");
        EXPECT_EQ(feed(c, std::string{'Z', status}), "f");
        EXPECT_EQ(c.status(), status);
        EXPECT_EQ(c.at_rest(), status == 'I');
    }
    conversation c;
    send(c, "S");
    EXPECT_EQ(feed(c, "ZX"), "!");
}

TEST(Conversation, AnExtendedPrefixAndAQueryAreOneUnitWithOneReadyForQuery) {
    conversation c;
    send(c, "PBEQ");
    EXPECT_EQ(c.frontend_readies(), 1U);
    EXPECT_EQ(feed(c, "12CEZI"), "fffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, OnlySyncEndsSkippingHoweverManyQueriesWereSentBehindTheError) {
    conversation c;
    send(c, "PBEQFQSQ");
    EXPECT_EQ(c.frontend_readies(), 5U);
    EXPECT_EQ(feed(c, "12E"), "fff");
    EXPECT_EQ(c.frontend_readies(), 2U) << "of the Sync and of the Query behind it";
    EXPECT_EQ(feed(c, "ZITDCZI"), "fffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, SyncsSentBetweenExecuteAndCopyDoneGiveOneReadyForQuery) {
    conversation c;
    send(c, "PBES");
    EXPECT_EQ(feed(c, "12G"), "fff");
    EXPECT_FALSE(c.add(of('S')));
    c.on_copy_end_sent();
    EXPECT_TRUE(c.add(of('S')));
    EXPECT_EQ(feed(c, "CZI"), "ff");
    EXPECT_TRUE(c.at_rest());
    EXPECT_FALSE(c.doubtful());
}

TEST(Conversation, TheSameMessagesGiveTwoWhenTheCopyNeverOpened) {
    conversation c;
    send(c, "PBES");
    EXPECT_EQ(feed(c, "E"), "f");
    EXPECT_TRUE(c.add(of('S')));
    EXPECT_EQ(feed(c, "ZIZI"), "ff");
    EXPECT_TRUE(c.at_rest());
    EXPECT_FALSE(c.doubtful());
}

TEST(Conversation, ASyncBehindAQueryIsSwallowedByItsCopyInToo) {
    conversation c;
    send(c, "QS");
    EXPECT_EQ(feed(c, "G"), "f");
    c.on_copy_end_sent();
    EXPECT_EQ(feed(c, "CZI"), "ff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, TheSecondCopyOfAQuerySwallowsTheSyncBehindTheFirst) {
    conversation c;
    send(c, "Q");
    EXPECT_EQ(feed(c, "G"), "f");
    c.on_copy_end_sent();
    send(c, "S");
    EXPECT_EQ(feed(c, "CG"), "ff");
    c.on_copy_end_sent();
    EXPECT_EQ(feed(c, "CZI"), "ff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, ACopyThatFailsBeforeItReadsLeavesItInDoubtWhoseReadyForQueryComes) {
    conversation c;
    send(c, "PBES");
    EXPECT_EQ(feed(c, "12GE"), "ffff");
    EXPECT_TRUE(c.doubtful());
    EXPECT_TRUE(c.skipping());
    EXPECT_EQ(feed(c, "ZI"), "f") << "the server never read the Sync inside COPY: it answers it";
    EXPECT_FALSE(c.skipping());
    send(c, "S");
    EXPECT_EQ(feed(c, "ZI"), "f");
    EXPECT_EQ(feed(c, "ZI"), "!") << "there was one Sync to be unsure of";
    EXPECT_TRUE(c.doubtful());
}

TEST(Conversation, WithoutASyncBehindItAFailedCopyLeavesNoDoubt) {
    conversation c;
    send(c, "PBE");
    EXPECT_EQ(feed(c, "12GE"), "ffff");
    EXPECT_FALSE(c.doubtful());
    send(c, "S");
    EXPECT_EQ(feed(c, "ZI"), "f");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, ACopyOutEndsWithCommandComplete) {
    conversation c;
    send(c, "PBES");
    EXPECT_EQ(feed(c, "12H"), "fff");
    EXPECT_EQ(c.copy(), copy_state::out);
    EXPECT_FALSE(c.at_rest());
    EXPECT_EQ(feed(c, "ddcCZI"), "fffff");
    EXPECT_EQ(c.copy(), copy_state::none);
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, OfAFunctionCallTheErrorIsFollowedByReadyForQuery) {
    conversation c;
    send(c, "FF");
    EXPECT_EQ(feed(c, "VZIEZI"), "ffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, ClosesAndParsesThatWereSkippedHaveNoEffect) {
    conversation c;
    send(c, "PBECPS");
    EXPECT_EQ(feed(c, "12E"), "fff");
    EXPECT_EQ(endings(c), "P+C/P/");
    EXPECT_EQ(feed(c, "ZI"), "f");
}

TEST(Conversation, APortalMayBeSuspendedAndExecutedAgain) {
    conversation c;
    send(c, "PBEES");
    EXPECT_EQ(feed(c, "12DDsDCZI"), "ffffffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, CopyBothAndUnknownLettersAreViolationsAtAnyTime) {
    for (const char* const sent : {"", "Q", "PBES", "F"}) {
        conversation c;
        send(c, sent);
        EXPECT_EQ(feed(c, "WRKv\x01"), "!!!!!");
    }
}

TEST(Conversation, KeepsItsPlaceOverThousandsOfPipelinedUnits) {
    conversation c;
    for (int i = 0; i < 5'000; ++i)
        send(c, "PBES");
    EXPECT_EQ(c.size(), 20'000U);
    for (int i = 0; i < 5'000; ++i)
        ASSERT_EQ(feed(c, "12CZI"), "ffff") << i;
    EXPECT_TRUE(c.at_rest());
    EXPECT_EQ(c.ended().size(), 5'000U);
}

TEST(Conversation, AnyLegalExchangeWithAServerGoesWithoutViolationAndEndsAtRest) {
    std::size_t messages = 0;
    unsigned doubtful = 0;
    for (unsigned seed = 1; seed <= 20'000; ++seed) {
        std::minstd_rand random{seed};
        model_exchange exchange{
            [&](unsigned n) { return static_cast<unsigned>(random() / 64 % n); }};
        ASSERT_EQ(exchange.run(20 + seed % 300), "") << "seed " << seed << ": " << exchange.trace;
        messages += exchange.messages;
        doubtful += exchange.ended_in_doubt ? 1 : 0;
    }
    EXPECT_GT(messages, 500'000U) << "the model's client has become silent";
    EXPECT_GT(doubtful, 100U);
    EXPECT_LT(doubtful, 10'000U);
}

TEST(Conversation, SyncsBehindACopyInAreSwallowed) {
    conversation c;
    send(c, "PBES");
    EXPECT_EQ(feed(c, "12G"), "fff");
    EXPECT_EQ(c.copy(), copy_state::in);
    EXPECT_FALSE(c.add(of('S')));
    c.on_copy_end_sent();
    EXPECT_TRUE(c.add(of('S')));
    EXPECT_EQ(feed(c, "CZI"), "ff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, SyncsAreAnsweredWhenCopyFailsBeforeItOpens) {
    conversation c;
    send(c, "PBES");
    EXPECT_EQ(feed(c, "12E"), "fff");
    EXPECT_EQ(c.copy(), copy_state::none);
    EXPECT_EQ(feed(c, "ZI"), "f");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, ACopyThatFailsHalfWayWaitsForTheSyncBehindIt) {
    conversation c;
    send(c, "PBES");
    EXPECT_EQ(feed(c, "12GE"), "ffff");
    EXPECT_TRUE(c.skipping());
    EXPECT_TRUE(c.add(of('S')));
    EXPECT_EQ(feed(c, "ZE"), "f");
    EXPECT_EQ(c.status(), 'E');
}

TEST(Conversation, SyntheticAnswersKeepTheirPlace) {
    conversation c;
    send(c, "1BES");
    EXPECT_EQ(endings(c), "1+");
    send(c, "1BE3S");
    EXPECT_EQ(feed(c, "2C"), "ff");
    EXPECT_EQ(endings(c), "");
    EXPECT_EQ(feed(c, "ZI"), "f");
    EXPECT_EQ(endings(c), "1+");
    EXPECT_EQ(feed(c, "2C"), "ff");
    EXPECT_EQ(endings(c), "3+");
    EXPECT_EQ(feed(c, "ZI"), "f");
}

TEST(Conversation, SyntheticAnswersAreDroppedByAnErrorLikeRealOnes) {
    conversation c;
    send(c, "B1E3S");
    EXPECT_EQ(feed(c, "E"), "f");
    EXPECT_EQ(endings(c), "1/3/");
    EXPECT_EQ(feed(c, "ZI"), "f");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, SwallowsTheAnswersOfInjectedQueries) {
    conversation c;
    send(c, "qQ");
    EXPECT_TRUE(c.head_is_injected());
    EXPECT_EQ(feed(c, "CZITDCZI"), "ssffff");
    EXPECT_TRUE(c.at_rest());
}

TEST(Conversation, OfAHelperOnlyTheErrorIsTheFrontends) {
    conversation c;
    send(c, "pBES");
    EXPECT_EQ(feed(c, "12CZI"), "sfff");
    send(c, "pBES");
    EXPECT_EQ(c.frontend_readies(), 1U);
    EXPECT_EQ(feed(c, "EZI"), "ff");
}

TEST(Conversation, RecognisesWhatCannotBeHere) {
    conversation c;
    EXPECT_EQ(feed(c, "D"), "!");
    EXPECT_EQ(feed(c, "ZI"), "!");
    EXPECT_EQ(feed(c, "E"), "u");
    send(c, "PS");
    EXPECT_EQ(feed(c, "2"), "!");
    EXPECT_EQ(feed(c, "ZI"), "!");
    EXPECT_EQ(feed(c, "d"), "!");
    EXPECT_EQ(feed(c, "K"), "!");
}

TEST(Conversation, LetsAsynchronousMessagesThroughAnywhere) {
    conversation c;
    EXPECT_EQ(feed(c, "NSA"), "aaa");
    send(c, "Q");
    EXPECT_EQ(feed(c, "TNDSACZI"), "fafaaff");
}

TEST(Conversation, FollowsSeveralCopiesInOneQuery) {
    conversation c;
    send(c, "Q");
    EXPECT_TRUE(c.may_open_copy());
    EXPECT_EQ(feed(c, "G"), "f");
    c.on_copy_end_sent();
    EXPECT_EQ(feed(c, "CG"), "ff");
    EXPECT_EQ(c.copy(), copy_state::in);
    c.on_copy_end_sent();
    EXPECT_EQ(feed(c, "CHddcCZI"), "fffffff");
    EXPECT_TRUE(c.at_rest());
}
