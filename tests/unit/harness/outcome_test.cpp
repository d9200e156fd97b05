#include "tests/support/load/outcome.hpp"

#include <gtest/gtest.h>

namespace pgweir::test {
namespace {

TEST(outcome, WellIsFine) {
    EXPECT_EQ(judge({work::read, false, ""}), verdict::fine);
    EXPECT_EQ(judge({work::block, false, ""}), verdict::fine);
}

TEST(outcome, ALostConnectionIsThatWhateverWasSaidBefore) {
    EXPECT_EQ(judge({work::read, true, ""}), verdict::disconnected);
    EXPECT_EQ(judge({work::write, true, "57P01"}), verdict::disconnected);
}

TEST(outcome, AReadMustNeverFail) {
    for (const char* state : {"57P01", "08007", "40001", "XX000", "57P03"})
        EXPECT_EQ(judge({work::read, false, state}), verdict::read_error) << state;
}

TEST(outcome, TransactionsInFlightAreToldWithCertainStates) {
    for (const char* state : {"08007", "57P01", "57P02", "40001"}) {
        EXPECT_EQ(judge({work::write, false, state}), verdict::in_flight) << state;
        EXPECT_EQ(judge({work::block, false, state}), verdict::in_flight) << state;
    }
}

TEST(outcome, WaitingInVainIsNotBeingInFlight) {
    EXPECT_EQ(judge({work::write, false, "57P03"}), verdict::refused);
    EXPECT_EQ(judge({work::block, false, "53300"}), verdict::refused);
}

TEST(outcome, EverythingElseIsUnexpected) {
    for (const char* state : {"25006", "25P02", "XX000", "23505", "08006", "?????"})
        EXPECT_EQ(judge({work::write, false, state}), verdict::unexpected) << state;
}

} // namespace
} // namespace pgweir::test
