// Histories that keep every rule, and one for each way to break one.
#include "tests/chaos/history/history_checker.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

constexpr int process = 1;
constexpr long first = 1;
constexpr long second = 2;

/// Two sessions on one pgweir process, two counters, four accounts with 400 in all.
class history : public ::testing::Test {
protected:
    history() {
        login(first);
        login(second);
    }

    void begin(long session, operation what, int key = 0, int place = 0) {
        checker_.begin({session, what, key, place, token(session)});
    }
    void end(long session, answer got) {
        if (got.token.empty()) got.token = token(session);
        checker_.end(session, got);
    }
    void login(long session, int to = process) {
        checker_.begin({session, operation::login, to, 0, ""});
        checker_.end(session, answered());
    }
    static answer answered() {
        answer got;
        got.ending = outcome::acknowledged;
        return got;
    }
    static answer refused(const std::string& sqlstate = "57P01") {
        answer got;
        got.ending = outcome::refused;
        got.sqlstate = sqlstate;
        return got;
    }
    static answer unknown() {
        answer got;
        got.sqlstate = "08007";
        return got;
    }
    static answer counted(long value) {
        auto got = answered();
        got.value = value;
        return got;
    }
    static answer by(const std::string& server, std::uint32_t timeline, std::uint64_t lsn = 1) {
        auto got = answered();
        got.server = server;
        got.timeline = timeline;
        got.lsn = lsn;
        return got;
    }
    static answer sums(long money, long accounts, long versions) {
        auto got = answered();
        got.value = money;
        got.accounts = accounts;
        got.versions = versions;
        return got;
    }
    int append(long session, int list, const answer& got) {
        const int place = checker_.next_place(list);
        begin(session, operation::append, list, place);
        end(session, got);
        return place;
    }
    void read(long session, int list, std::vector<std::string> rows) {
        auto got = answered();
        got.rows = std::move(rows);
        begin(session, operation::read_list, list);
        end(session, got);
    }
    void increment(long session, int counter, const answer& got) {
        begin(session, operation::increment, counter);
        end(session, got);
    }
    void read_counter(long session, int counter, long value) {
        begin(session, operation::read_counter, counter);
        end(session, counted(value));
    }
    void transfer(long session, const answer& got) {
        begin(session, operation::transfer);
        end(session, got);
    }
    void read_accounts(long session, const answer& got) {
        begin(session, operation::read_accounts);
        end(session, got);
    }
    void expect_nothing() const {
        for (const auto& each : checker_.found().first())
            ADD_FAILURE() << name(each.broken) << ": " << each.text;
    }
    void expect_only(rule broken) const {
        EXPECT_EQ(checker_.found().count(broken), 1);
        for (const auto& each : checker_.found().first())
            if (each.broken != broken) ADD_FAILURE() << name(each.broken) << ": " << each.text;
    }
    static std::string token(long session) { return "q" + std::to_string(session); }

    history_checker checker_{{2, 4, 400, {"57P01", "08007"}}};
};

TEST_F(history, OfOrderlySessionsHasNoFinding) {
    EXPECT_EQ(append(first, 7, by("a", 1, 10)), 0);
    EXPECT_EQ(append(second, 7, answered()), 1);
    read(first, 7, {"a7.0"}); // the other one's may arrive later
    read(first, 7, {"a7.0", "a7.1"});
    increment(first, 0, counted(1));
    increment(second, 0, counted(2));
    read_counter(first, 0, 1);
    read_counter(first, 0, 2);
    transfer(first, answered());
    read_accounts(first, sums(400, 4, 2));
    read_accounts(second, sums(400, 4, 0));
    checker_.final_list("a", 7, {"a7.0", "a7.1"});
    checker_.final_counter("a", 0, 2);
    checker_.final_accounts("a", sums(400, 4, 2));
    checker_.final_history(1, {});
    expect_nothing();
}

TEST_F(history, MayDoWhatHasAnUnknownOutcomeOrLeaveIt) {
    append(first, 7, unknown());
    append(first, 7, unknown());
    increment(first, 0, unknown());
    increment(first, 0, counted(1)); // that one was not done
    increment(first, 1, unknown());
    increment(first, 1, counted(2)); // that one was
    transfer(first, unknown());
    read(first, 7, {});
    read(first, 7, {"a7.1"});
    read_accounts(first, sums(400, 4, 0));
    read_accounts(first, sums(400, 4, 2));
    checker_.final_list("a", 7, {"a7.1"});
    checker_.final_counter("a", 0, 1);
    checker_.final_counter("a", 1, 2);
    checker_.final_accounts("a", sums(400, 4, 2));
    expect_nothing();
}

TEST_F(history, OfASessionThatEndsWithoutAnAnswerLeavesTheOutcomeOpen) {
    begin(first, operation::append, 7, 0);
    checker_.close(first);
    checker_.final_list("a", 7, {"a7.0"});
    checker_.final_list("b", 7, {});
    expect_nothing();
}

TEST_F(history, ShowsAnAnswerToAnotherQuestion) {
    auto got = counted(0);
    got.token = token(second);
    begin(first, operation::read_counter);
    end(first, got);
    expect_only(rule::wrong_answer);
}

TEST_F(history, ShowsAnAnswerThatNobodyAskedFor) {
    end(first, answered());
    expect_only(rule::wrong_answer);
}

TEST_F(history, ShowsARowThatNobodyWrote) {
    append(first, 7, answered());
    read(second, 7, {"a7.1"});
    expect_only(rule::wrong_answer);
}

TEST_F(history, ShowsARowOfAnotherList) {
    append(first, 7, answered());
    append(first, 8, answered());
    read(second, 7, {"a8.0"});
    expect_only(rule::wrong_answer);
}

TEST_F(history, ShowsAReadThatMissesTheSessionsOwnRow) {
    append(first, 7, answered());
    read(first, 7, {});
    expect_only(rule::stale_read);
}

TEST_F(history, ShowsAReadThatMissesTheSessionsOwnIncrement) {
    increment(first, 0, counted(1));
    read_counter(first, 0, 0);
    expect_only(rule::stale_read);
}

TEST_F(history, ShowsAReadThatMissesTheSessionsOwnTransfer) {
    transfer(second, answered());
    read_accounts(first, sums(400, 4, 2));
    transfer(first, answered());
    read_accounts(first, sums(400, 4, 2));
    expect_only(rule::stale_read);
}

TEST_F(history, ShowsAReadThatMissesWhatWasAcknowledgedBeforeTheLogin) {
    append(first, 7, answered());
    login(3);
    read(3, 7, {});
    expect_only(rule::stale_read);
}

TEST_F(history, LetsASessionOfAnotherProcessBeginEarlier) {
    append(first, 7, answered());
    increment(first, 0, counted(1));
    login(3, process + 1);
    read(3, 7, {});
    read_counter(3, 0, 0);
    expect_nothing();
}

TEST_F(history, ShowsARowThatWasReadAndIsNotThereAnyMore) {
    append(second, 7, answered());
    read(first, 7, {"a7.0"});
    read(first, 7, {});
    expect_only(rule::backward_read);
}

TEST_F(history, ShowsACounterThatGoesBack) {
    increment(second, 0, counted(1));
    read_counter(first, 0, 1);
    read_counter(first, 0, 0);
    expect_only(rule::backward_read);
}

TEST_F(history, ShowsATransferThatWasReadAndIsNotThereAnyMore) {
    transfer(second, answered());
    read_accounts(first, sums(400, 4, 2));
    read_accounts(first, sums(400, 4, 0));
    expect_only(rule::backward_read);
}

TEST_F(history, ShowsAnIncrementThatRepeatsOneAcknowledgedBefore) {
    increment(first, 0, counted(1));
    increment(second, 0, counted(1));
    expect_only(rule::lost_commit);
}

TEST_F(history, ShowsTwoIncrementsAtOnceWithOneValue) {
    begin(first, operation::increment);
    begin(second, operation::increment);
    end(first, counted(1));
    end(second, counted(1));
    expect_only(rule::lost_commit);
}

TEST_F(history, ShowsAnAcknowledgedRowThatIsNotThereInTheEnd) {
    append(first, 7, answered());
    checker_.retire(7);
    checker_.final_list("a", 7, {});
    expect_only(rule::lost_commit);
}

TEST_F(history, ShowsAnAcknowledgedIncrementThatIsNotThereInTheEnd) {
    increment(first, 0, answered());
    checker_.final_counter("a", 0, 0);
    expect_only(rule::lost_commit);
}

TEST_F(history, ShowsAnAcknowledgedTransferThatIsNotThereInTheEnd) {
    transfer(first, answered());
    checker_.final_accounts("a", sums(400, 4, 0));
    expect_only(rule::lost_commit);
}

TEST_F(history, AsksForNothingOfWhatMayBeLostOnceItIsTold) {
    append(first, 7, answered());
    increment(first, 0, counted(1));
    transfer(first, answered());
    begin(second, operation::read_list, 7);
    checker_.forget();
    auto late = answered();
    late.rows = {"a7.0"};
    end(second, late);
    read(second, 7, {});
    read(first, 7, {});
    increment(second, 0, counted(1));
    checker_.final_list("a", 7, {});
    checker_.final_counter("a", 0, 1);
    checker_.final_accounts("a", sums(400, 4, 0));
    expect_nothing();
}

TEST_F(history, ShowsAWriteOnAnOlderTimelineThatBeganAfterANewerOne) {
    append(first, 7, by("a", 1));
    append(first, 7, by("b", 2));
    append(second, 7, by("a", 1));
    expect_only(rule::wrong_primary);
}

TEST_F(history, LetsAWriteOnAnOlderTimelineEndLate) {
    begin(second, operation::append, 7, 0);
    append(first, 7, by("b", 2));
    end(second, by("a", 1));
    expect_nothing();
}

TEST_F(history, ShowsTwoServersOnOneTimeline) {
    append(first, 7, by("a", 2));
    append(second, 7, by("b", 2));
    expect_only(rule::wrong_primary);
}

TEST_F(history, ShowsAWriteOnATimelineThatTheSurvivorDoesNotComeFrom) {
    append(first, 7, by("a", 2));
    checker_.final_history(3, {{1, 500}});
    expect_only(rule::wrong_primary);
}

TEST_F(history, ShowsAWriteAfterTheNextTimelineLeft) {
    append(first, 7, by("a", 1, 400));
    checker_.final_history(2, {{1, 500}});
    expect_nothing();
    append(first, 7, by("a", 1, 501));
    checker_.final_history(2, {{1, 500}});
    expect_only(rule::wrong_primary);
}

TEST_F(history, ShowsMoneyThatIsNotConserved) {
    begin(second, operation::transfer);
    read_accounts(first, sums(390, 4, 0));
    read_accounts(first, sums(400, 3, 0));
    read_accounts(first, sums(400, 4, 1));
    EXPECT_EQ(checker_.found().count(rule::money), 3);
}

TEST_F(history, ShowsMoneyThatIsNotConservedInTheEnd) {
    checker_.final_accounts("a", sums(401, 4, 0));
    expect_only(rule::money);
}

TEST_F(history, ShowsARowThatIsThereTwice) {
    append(first, 7, unknown());
    read(second, 7, {"a7.0", "a7.0"});
    expect_only(rule::done_twice);
}

TEST_F(history, ShowsMoreIncrementsThanWereAskedFor) {
    increment(first, 0, unknown());
    increment(first, 0, refused());
    read_counter(second, 0, 2);
    expect_only(rule::done_twice);
}

TEST_F(history, ShowsMoreTransfersThanWereAskedFor) {
    transfer(first, answered());
    checker_.final_accounts("a", sums(400, 4, 4));
    expect_only(rule::done_twice);
}

TEST_F(history, ShowsARefusedRowThatIsThere) {
    append(first, 7, refused());
    read(second, 7, {"a7.0"});
    expect_only(rule::done_though_refused);
}

TEST_F(history, ShowsARowThatWasSeenBeforeItWasRefused) {
    begin(first, operation::append, 7, 0);
    read(second, 7, {"a7.0"});
    end(first, refused());
    expect_only(rule::done_though_refused);
}

TEST_F(history, ShowsAnErrorThatNoFaultExplains) {
    append(first, 7, refused("26000"));
    expect_only(rule::unexplained_error);
}

TEST_F(history, ShowsAnAnswerThatDoesNotCome) {
    begin(first, operation::read_list, 7);
    checker_.no_answer(first, "30 s");
    checker_.close(first);
    expect_only(rule::no_answer);
}

TEST_F(history, ShowsAClientThatWasDisconnected) {
    begin(first, operation::read_list, 7);
    checker_.disconnected(first, "end of stream");
    checker_.close(first);
    expect_only(rule::disconnected);
}

TEST(number_set, KeepsRunsAndSaysWhatItHas) {
    number_set set;
    for (const long number : {5, 1, 3, 2, 4, 7})
        EXPECT_TRUE(set.insert(number)) << number;
    EXPECT_EQ(set.runs(), 2U);
    for (const long number : {1, 2, 3, 4, 5, 7})
        EXPECT_FALSE(set.insert(number)) << number;
    EXPECT_TRUE(set.insert(6));
    EXPECT_EQ(set.runs(), 1U);
}

TEST(timeline_history, IsReadFromTheServersFile) {
    const auto history = parse_timeline_history("1\t0/3000148\tno recovery target specified\n\n"
                                                "2\t1/A0\tno recovery target specified\n");
    EXPECT_EQ(history, (timeline_history{{1, 0x3000148}, {2, 0x1000000A0}}));
}

} // namespace
} // namespace pgweir::test
