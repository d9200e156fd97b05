#include "proxy/admin/child_command.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

task<> keep_outcome(io_executor executor,
                    std::vector<std::string> arguments,
                    std::vector<std::pair<std::string, std::string>> environment,
                    std::chrono::milliseconds limit,
                    child_outcome& into) {
    auto running = run_child(executor, std::move(arguments), std::move(environment),
                             std::chrono::steady_clock::now() + limit);
    into = co_await std::move(running);
}

child_outcome run(std::vector<std::string> arguments,
                  std::chrono::milliseconds limit = 30s,
                  std::vector<std::pair<std::string, std::string>> environment = {}) {
    asio::io_context io{1};
    child_outcome outcome;
    spawn(io.get_executor(), "test",
          keep_outcome(io.get_executor(), std::move(arguments), std::move(environment), limit,
                       outcome));
    io.run();
    return outcome;
}

TEST(ChildCommand, TellsHowItEndedAndWhatItSaid) {
    const auto good = run({"sh", "-c", "echo said; echo complained >&2; exit 0"});
    EXPECT_EQ(good.exit_code, 0);
    EXPECT_EQ(good.output, "said\ncomplained");
    EXPECT_EQ(run({"sh", "-c", "exit 7"}).exit_code, 7);
    const auto killed = run({"sh", "-c", "kill -9 $$"});
    EXPECT_FALSE(killed.exit_code);
    EXPECT_EQ(killed.signal, 9);
    EXPECT_THAT(run({"/no/such/program"}).not_started, HasSubstr("No such file"));
}

TEST(ChildCommand, TakesArgumentsAsTheyAre) {
    EXPECT_EQ(run({"printf", "%s|", "a b", "$HOME", "", "*"}).output, "a b|$HOME||*|");
    EXPECT_EQ(run({"sh", "-c", "echo $WHO"}, 30s, {{"WHO", "db-1"}}).output, "db-1");
}

TEST(ChildCommand, EndsWithEverythingOfItsGroupAtTheLimit) {
    const auto begun = std::chrono::steady_clock::now();
    const auto late = run({"sh", "-c", "echo begun; sleep 60 & sleep 60; echo end"}, 300ms);
    EXPECT_TRUE(late.timed_out);
    EXPECT_EQ(late.output, "begun");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 20s);
    const auto stubborn = run({"sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"}, 100ms);
    EXPECT_TRUE(stubborn.timed_out);
    EXPECT_EQ(stubborn.signal, 9);
}

TEST(ChildCommand, DoesNotWaitForWhatGoesOnInTheBackground) {
    const auto begun = std::chrono::steady_clock::now();
    const auto daemon = run({"sh", "-c", "sleep 20 & echo left"});
    EXPECT_EQ(daemon.exit_code, 0);
    EXPECT_EQ(daemon.output, "left");
    EXPECT_LT(std::chrono::steady_clock::now() - begun, 15s);
}

TEST(ChildCommand, GetsNoneOfOurDescriptors) {
    const int open = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_GT(open, 2);
    EXPECT_EQ(run({"sh", "-c", "ls /proc/$$/fd | tr '\\n' ' '"}).output.substr(0, 6), "0 1 2 ");
    EXPECT_THAT(run({"sh", "-c", "test -e /proc/$$/fd/" + std::to_string(open)}).exit_code, 1);
    ::close(open);
}

TEST(ChildCommand, KeepsTheEndOfALongOutput) {
    const auto talker = run({"seq", "1", "200000"});
    EXPECT_EQ(talker.exit_code, 0);
    EXPECT_TRUE(talker.output.ends_with("199999\n200000"));
}

} // namespace
} // namespace pgweir
