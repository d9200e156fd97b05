// LISTEN and NOTIFY, and other messages that come unasked.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

class notification : public proxied_test {};

TEST_F(notification, ReachesAnIdleClientAtOnce) {
    auto listener = connect();
    listener.must("listen news");
    auto sender = connect();
    for (int number = 0; number < 5; ++number) {
        const auto payload = "number " + std::to_string(number);
        sender.must("notify news, '" + payload + "'");
        const auto begun = std::chrono::steady_clock::now();
        const auto received = listener.notification(5s);
        ASSERT_TRUE(received.has_value());
        EXPECT_EQ(received->first, "news");
        EXPECT_EQ(received->second, payload);
        EXPECT_LT(std::chrono::steady_clock::now() - begun, 1s);
    }
}

TEST_F(notification, OwnNotificationsCarryTheOwnPid) {
    auto session = connect();
    session.must("listen own");
    session.must("notify own, 'to myself'");
    for (;;) {
        PGnotify* notify = PQnotifies(session.handle());
        ASSERT_NE(notify, nullptr);
        EXPECT_EQ(notify->be_pid, session.backend_pid());
        PQfreemem(notify);
        break;
    }
}

TEST_F(notification, ListenInsideARolledBackBlockDoesNotHold) {
    auto session = connect();
    session.must("begin; listen never; rollback");
    auto sender = connect();
    sender.must("notify never");
    EXPECT_FALSE(session.notification(200ms).has_value());
}

TEST_F(notification, UnlistenEndsIt) {
    auto session = connect();
    session.must("listen briefly");
    session.must("unlisten *");
    auto sender = connect();
    sender.must("notify briefly");
    EXPECT_FALSE(session.notification(200ms).has_value());
    EXPECT_EQ(session.value("select 1"), "1");
}

TEST_F(notification, NotifyInABlockIsSentAtCommit) {
    auto listener = connect();
    listener.must("listen committed");
    auto sender = connect();
    sender.must("begin; notify committed, 'x'");
    EXPECT_FALSE(listener.notification(100ms).has_value());
    sender.must("commit");
    EXPECT_TRUE(listener.notification(5s).has_value());
}

TEST_F(notification, AListenerThatWorksMeanwhileLosesNothing) {
    auto listener = connect();
    listener.must("listen busy");
    auto sender = connect();
    int received = 0;
    for (int number = 0; number < 100; ++number) {
        sender.must("notify busy, '" + std::to_string(number) + "'");
        listener.must("select 1");
        while (listener.notification(0ms))
            ++received;
    }
    EXPECT_TRUE(wait_until([&] {
        while (listener.notification(10ms))
            ++received;
        return received == 100;
    }));
}

} // namespace
} // namespace pgweir::test
