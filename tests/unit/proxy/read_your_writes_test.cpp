#include "proxy/router/read_your_writes.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>

namespace pgweir {

namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t far = std::uint64_t{1} << 30U; // more than any standby is waited for
constexpr timeline_id first_timeline{1};

/// A primary (node 0) and two standbys, looked at in rounds: each node's look draws the next
/// number.
class look_around {
public:
    look_around() {
        view.nodes.resize(3);
        for (std::uint16_t id = 0; id < 3; ++id) {
            node_view& node = view.nodes[id];
            node.id = id;
            node.role = id == 0 ? node_role::primary : node_role::standby;
            node.health = node_health::up;
            node.readable = id != 0;
            node.role_epoch = 1;
        }
        view.primary = 0;
        view.history = {{first_timeline, lsn{~std::uint64_t{0}}}};
    }

    std::uint64_t look_primary(std::uint64_t flush, std::uint64_t insert = 0) {
        wal_sample& sample = view.nodes[0].sample;
        sample.number = ++looks;
        sample.timeline = timeline;
        sample.flush = lsn{flush};
        sample.insert = lsn{insert == 0 ? flush : insert};
        history.observe(view);
        return looks;
    }
    std::uint64_t look_standby(std::uint16_t id, std::uint64_t replay, std::uint64_t received) {
        wal_sample& sample = view.nodes[id].sample;
        sample.number = ++looks;
        sample.timeline = timeline;
        sample.replay = lsn{replay};
        sample.received = lsn{received};
        history.observe(view);
        return looks;
    }
    /// A round in which everybody is at the same position.
    void look_at_all(std::uint64_t at) {
        look_primary(at);
        look_standby(1, at, at);
        look_standby(2, at, at);
    }

    read_verdict ask(session_floor& floor,
                     std::uint16_t node,
                     standby_connection connection = {},
                     consistency wanted = {}) {
        floor.settle(view, history);
        return floor.may_read(view, node, connection, looks, wanted);
    }

    cluster_view view;
    sample_history history;
    std::uint64_t looks = 0;
    timeline_id timeline = first_timeline;
};

standby_connection connection(std::uint64_t serial,
                              std::uint64_t login_look,
                              std::optional<lsn> login_replay = std::nullopt) {
    return {serial, login_look, login_replay};
}

} // namespace

TEST(SessionFloor, WhatAStandbyHasShownIsWaitedForOnASynchronousPrimary) {
    look_around cluster;
    session_floor floor;
    cluster.look_at_all(100);
    EXPECT_TRUE(floor.may_go_to_primary(cluster.view));
    floor.on_standby_answer(1, 1, 7, cluster.looks);
    EXPECT_TRUE(floor.may_go_to_primary(cluster.view)) << "commits wait for nobody";
    cluster.view.confirmed = wal_position{first_timeline, lsn{100}};
    EXPECT_FALSE(floor.may_go_to_primary(cluster.view)) << "what it has shown is not known yet";
    cluster.look_standby(1, 120, 120);
    floor.settle(cluster.view, cluster.history);
    EXPECT_FALSE(floor.may_go_to_primary(cluster.view));
    cluster.view.confirmed->at = lsn{120};
    EXPECT_TRUE(floor.may_go_to_primary(cluster.view));
    floor.on_primary_answer(cluster.looks, false);
    EXPECT_TRUE(floor.may_go_to_primary(cluster.view)) << "its own answers are its own";
}

TEST(SessionFloor, AfterAFailoverTheNewPrimaryShowsAllThatWasBeforeTheSwitch) {
    look_around cluster;
    session_floor floor;
    cluster.look_at_all(100);
    cluster.view.confirmed = wal_position{first_timeline, lsn{90}};
    floor.on_standby_answer(1, 1, 7, cluster.looks);
    cluster.look_standby(1, 130, 130);
    floor.settle(cluster.view, cluster.history);
    EXPECT_FALSE(floor.may_go_to_primary(cluster.view));
    cluster.view.history = {{first_timeline, lsn{110}}, {timeline_id{2}, lsn{~std::uint64_t{0}}}};
    cluster.view.confirmed = wal_position{timeline_id{2}, lsn{110}};
    EXPECT_TRUE(floor.may_go_to_primary(cluster.view));
}

TEST(SessionFloor, AFreshSessionMayReadAnywhereThatIsReadable) {
    look_around world;
    session_floor floor;
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    EXPECT_EQ(world.ask(floor, 0), read_verdict::no);
    EXPECT_EQ(world.ask(floor, 9), read_verdict::no);
    world.view.nodes[1].readable = false;
    EXPECT_EQ(world.ask(floor, 1), read_verdict::no);
    EXPECT_FALSE(floor.position());
    EXPECT_FALSE(floor.is_waiting());
}

TEST(SessionFloor, AfterAWriteThePrimaryAnswersUntilALookBegunLaterBoundsIt) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    EXPECT_TRUE(floor.is_waiting());
    EXPECT_EQ(world.ask(floor, 1), read_verdict::no);
    EXPECT_FALSE(floor.position());

    world.look_primary(200);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::no) << "the standby is not there yet";
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{200}}));
    world.look_standby(1, 199, 200);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    world.look_standby(1, 200, 200);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    EXPECT_NE(world.ask(floor, 2), read_verdict::yes);
}

TEST(SessionFloor, ALookBegunBeforeTheAnswerBoundsNothing) {
    look_around world;
    session_floor floor;
    const std::uint64_t begun = world.looks + 1; // its number was drawn, its query is under way
    floor.on_primary_answer(begun, false);
    world.look_primary(50);
    ASSERT_EQ(world.looks, begun);
    world.look_standby(1, 60, 60);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    EXPECT_TRUE(floor.is_waiting());
}

TEST(SessionFloor, WaitsForALookThatIsUnderWay) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    EXPECT_EQ(floor.may_read(world.view, 1, {}, world.looks, {}), read_verdict::no);
    EXPECT_EQ(floor.may_read(world.view, 1, {}, world.looks + 1, {}), read_verdict::wait_for_look);

    // The bound is known, the standby almost there: its next look is worth waiting for, once it has
    // begun.
    world.look_primary(200);
    floor.settle(world.view, world.history);
    const std::uint64_t last = world.view.nodes[1].sample.number;
    EXPECT_EQ(floor.may_read(world.view, 1, {}, last + 2, {}), read_verdict::no);
    EXPECT_EQ(floor.may_read(world.view, 1, {}, last + 3, {}), read_verdict::wait_for_look);

    // Far behind: it is not.
    world.look_primary(far);
    floor.on_primary_answer(world.looks, false);
    world.look_primary(far);
    floor.settle(world.view, world.history);
    EXPECT_EQ(floor.may_read(world.view, 1, {}, world.looks + 10, {}), read_verdict::no);
}

TEST(SessionFloor, EveryAnswerOfThePrimaryRenewsTheMark) {
    look_around world;
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    const std::uint64_t first = world.looks;
    world.look_primary(100);
    floor.on_primary_answer(world.looks, false); // a read of what is newer than that look
    world.look_standby(1, 150, 150);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    world.look_primary(160);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    world.look_standby(1, 160, 160);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    // A mark never goes back.
    floor.on_primary_answer(world.looks, false);
    floor.on_primary_answer(first, false);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
}

TEST(SessionFloor, AnAnswerOfAStandbyBindsToItUntilItsReceivedPositionIsKnown) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_standby_answer(1, 1, 7, world.looks);
    EXPECT_EQ(world.ask(floor, 1, connection(7, world.looks)), read_verdict::yes)
        << "the same connection";
    EXPECT_EQ(world.ask(floor, 1, connection(8, world.looks - 1)), read_verdict::yes)
        << "there before the answer";
    EXPECT_NE(world.ask(floor, 1, connection(9, world.looks)), read_verdict::yes)
        << "perhaps after a crash";
    EXPECT_NE(world.ask(floor, 2), read_verdict::yes);

    world.look_standby(1, 120, 150);
    EXPECT_NE(world.ask(floor, 2), read_verdict::yes);
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{150}}));
    world.look_standby(2, 149, 160);
    EXPECT_NE(world.ask(floor, 2), read_verdict::yes);
    world.look_standby(2, 150, 160);
    EXPECT_EQ(world.ask(floor, 2), read_verdict::yes);
    // The standby itself must show that it has replayed what it had only received.
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    world.look_standby(1, 150, 150);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
}

TEST(SessionFloor, ARestartedStandbyIsBoundedByThePrimary) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_standby_answer(1, 1, 7, world.looks);
    world.view.nodes[1].role_epoch = 2;
    world.look_standby(1, 40, 40); // after a crash it starts over from its last restart point
    EXPECT_NE(world.ask(floor, 2), read_verdict::yes);
    EXPECT_TRUE(floor.is_waiting());
    world.look_primary(130);
    world.look_standby(2, 129, 130);
    EXPECT_NE(world.ask(floor, 2), read_verdict::yes);
    world.look_standby(2, 130, 130);
    EXPECT_EQ(world.ask(floor, 2), read_verdict::yes);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
}

TEST(SessionFloor, ASampleCountsOnlyForConnectionsThatWereThereBefore) {
    look_around world;
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    world.look_at_all(100);
    const std::uint64_t sampled = world.view.nodes[1].sample.number;
    EXPECT_EQ(world.ask(floor, 1, connection(1, sampled - 1)), read_verdict::yes);
    EXPECT_NE(world.ask(floor, 1, connection(2, sampled)), read_verdict::yes);
    EXPECT_NE(world.ask(floor, 1, connection(3, sampled + 5)), read_verdict::yes);
    EXPECT_EQ(world.ask(floor, 1, connection(4, sampled + 5, lsn{100})), read_verdict::yes);
    EXPECT_NE(world.ask(floor, 1, connection(5, sampled + 5, lsn{99})), read_verdict::yes);
}

TEST(SessionFloor, AsynchronousCommitsAreBoundedByInsertAndThenBySettledFlush) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_primary_answer(world.looks, true);
    const std::uint64_t look = world.look_primary(110, 190);
    world.look_standby(1, 110, 110);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes)
        << "flush is no bound for what is not flushed";
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{190}}));

    world.view.nodes[0].sample.settled_flush = lsn{150};
    world.view.nodes[0].sample.settled_for = look;
    world.look_primary(150, 260);
    world.look_standby(1, 149, 149);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{150}}));
    world.look_standby(1, 150, 150);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
}

TEST(SessionFloor, ASettledFlushOfAnEarlierLookDoesNotCount) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    world.view.asynchronous_commit = true; // the server's default is enough to be careful
    floor.on_primary_answer(world.looks, false);
    world.view.nodes[0].sample.settled_flush = lsn{100};
    world.view.nodes[0].sample.settled_for = world.looks;
    world.look_primary(100, 180);
    world.look_standby(1, 170, 170);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    world.look_standby(1, 180, 180);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes) << "the insert position is a bound as well";
}

TEST(SessionFloor, ALateSessionGetsTheBoundThatWasRightSoonAfterItsAnswer) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    world.look_at_all(200);
    world.look_at_all(300);
    world.look_primary(400);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes) << "the floor is 200, not 400";
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{200}}));
}

TEST(SessionFloor, AForgottenSampleIsReplacedByALaterOne) {
    look_around world;
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    for (std::uint64_t at = 1; at <= 500; ++at)
        world.look_primary(at);
    world.look_standby(1, 499, 500);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    ASSERT_TRUE(floor.position());
    EXPECT_GT(floor.position()->at, lsn{1});
    EXPECT_LE(floor.position()->at, lsn{500});
}

TEST(SessionFloor, AFailoverCutsTheFloorToTheSwitchPoint) {
    look_around world;
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    world.look_primary(1000);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);

    // Node 1 is promoted having received 900 only.
    world.timeline = timeline_id{2};
    world.view.history = {{first_timeline, lsn{900}}, {timeline_id{2}, lsn{~std::uint64_t{0}}}};
    world.view.primary = 1;
    world.view.nodes[1].role = node_role::primary;
    world.view.nodes[1].readable = false;
    world.look_standby(2, 899, 950);
    EXPECT_NE(world.ask(floor, 2), read_verdict::yes);
    world.look_standby(2, 900, 950);
    EXPECT_EQ(world.ask(floor, 2), read_verdict::yes);
}

TEST(SessionFloor, AStandbyLeftBehindOnTheOldTimelineReadsOnlyUpToTheSwitchPoint) {
    look_around world;
    world.view.history = {{first_timeline, lsn{900}}, {timeline_id{2}, lsn{~std::uint64_t{0}}}};
    world.timeline = timeline_id{2};
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    world.look_primary(890);
    world.timeline = first_timeline;
    world.look_standby(1, 895, 895);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    world.look_standby(1, 901, 901);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    world.timeline = timeline_id{7};
    world.look_standby(1, 5000, 5000);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes) << "a timeline of somebody else";
    world.timeline = timeline_id{};
    world.look_standby(1, 5000, 5000);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes) << "unknown";
}

TEST(SessionFloor, APositionOffTheHistoryIsReplacedByTheNextBound) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.raise_to({timeline_id{9}, lsn{5000}}, world.view);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::no);
    floor.on_primary_answer(world.looks, false);
    world.look_at_all(110);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{110}}));
}

TEST(SessionFloor, AHandedOverPositionOnlyRaises) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.raise_to({first_timeline, lsn{80}}, world.view);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    floor.raise_to({first_timeline, lsn{101}}, world.view);
    floor.raise_to({first_timeline, lsn{60}}, world.view);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{101}}));
}

TEST(SessionFloor, ASessionBeginsAtTheLatestCommitOfItsDatabase) {
    look_around world;
    world.look_at_all(100);
    session_floor database;
    database.begin_at(world.looks, false);
    world.look_at_all(120);
    database.settle(world.view, world.history);
    session_floor session = database;
    EXPECT_EQ(session.position(), (wal_position{first_timeline, lsn{120}}));
    database.on_primary_answer(world.looks, false);
    session_floor later = database;
    EXPECT_EQ(world.ask(session, 1), read_verdict::yes);
    EXPECT_NE(world.ask(later, 1), read_verdict::yes);
}

TEST(SessionFloor, ModesOtherThanSessionLookAtNoFloor) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    EXPECT_EQ(world.ask(floor, 1, {}, {consistency_mode::eventual, {}}), read_verdict::yes);
    EXPECT_EQ(world.ask(floor, 1, {}, {consistency_mode::primary, {}}), read_verdict::no);
}

TEST(SessionFloor, ABoundInTimeIsKeptByWhatTheLooksProve) {
    look_around world;
    session_floor floor;
    const auto then = std::chrono::steady_clock::time_point{} + 1h;
    const auto ask = [&](std::chrono::milliseconds later, standby_connection over = {}) {
        return world.ask(floor, 1, over, {consistency_mode::bounded, 50ms, then + later});
    };
    world.look_at_all(100);
    EXPECT_EQ(ask(0ms), read_verdict::no) << "unknown is not within bounds";
    world.view.nodes[1].fresh_as_of = then;
    EXPECT_EQ(ask(50ms), read_verdict::yes);
    EXPECT_EQ(ask(51ms), read_verdict::no) << "what was known has grown old";

    const auto sampled = world.view.nodes[1].sample.number;
    EXPECT_EQ(ask(50ms, connection(1, sampled - 1)), read_verdict::yes);
    EXPECT_EQ(ask(50ms, connection(2, sampled)), read_verdict::no)
        << "perhaps there was a crash in between";

    // It has caught up and another look is under way: that one will say so again.
    world.view.nodes[1].lag_bytes = 0;
    world.looks = sampled + 3;
    EXPECT_EQ(ask(51ms), read_verdict::wait_for_look);
    world.view.nodes[1].lag_bytes = 1;
    EXPECT_EQ(ask(51ms), read_verdict::no);
    world.view.nodes[1].lag_bytes = 0;
    world.view.primary.reset();
    EXPECT_EQ(ask(51ms), read_verdict::no) << "nobody can say";
}

TEST(SessionFloor, APositionMustBeInThePrimarysHistory) {
    look_around world;
    EXPECT_TRUE(may_be_reached({first_timeline, lsn{5}}, world.view));
    EXPECT_FALSE(may_be_reached({timeline_id{2}, lsn{5}}, world.view));
    world.view.history = {{first_timeline, lsn{900}}, {timeline_id{3}, lsn{~std::uint64_t{0}}}};
    EXPECT_TRUE(may_be_reached({first_timeline, lsn{1000}}, world.view)) << "cut to 900";
    EXPECT_FALSE(may_be_reached({timeline_id{2}, lsn{5}}, world.view));
    world.view.history.clear();
    world.view.primary.reset();
    EXPECT_TRUE(may_be_reached({timeline_id{2}, lsn{5}}, world.view)) << "nothing is known yet";
}

TEST(SessionFloor, WithoutAPrimaryKnownFloorsStillHold) {
    look_around world;
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    world.look_at_all(100);
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    world.view.primary.reset();
    EXPECT_EQ(world.ask(floor, 1), read_verdict::yes);
    floor.on_primary_answer(world.looks, false);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    // A history that is lost from view makes positions incomparable, not smaller.
    session_floor known;
    known.raise_to({first_timeline, lsn{100}}, world.view);
    world.view.history.clear();
    EXPECT_EQ(world.ask(known, 1), read_verdict::no);
    known.raise_to({first_timeline, lsn{100}}, world.view);
    EXPECT_EQ(known.position(), (wal_position{first_timeline, lsn{100}}));
}

TEST(WalPosition, IsWrittenAndReadBack) {
    const wal_position position{timeline_id{3}, lsn{0x16B374D848}};
    EXPECT_EQ(to_string(position), "3:16/B374D848");
    EXPECT_EQ(parse_wal_position("3:16/B374D848"), position);
    for (const char* text :
         {"", "3", "3:", ":16/0", "0:1/2", "x:1/2", "3 :1/2", "3:1", "-1:1/2", "4294967296:1/2"})
        EXPECT_FALSE(parse_wal_position(text)) << text;
}

TEST(SessionFloor, WithoutAPrimaryWhatTheStandbysHaveReceivedIsTheBound) {
    look_around world;
    world.look_at_all(100);
    session_floor floor;
    floor.on_primary_answer(world.looks, false);
    world.view.primary.reset();
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    world.look_standby(1, 150, 160);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes) << "the other one may have received more";
    world.look_standby(2, 140, 170);
    EXPECT_NE(world.ask(floor, 1), read_verdict::yes);
    EXPECT_EQ(floor.position(), (wal_position{first_timeline, lsn{170}}));
    world.look_standby(2, 170, 170);
    EXPECT_EQ(world.ask(floor, 2), read_verdict::yes);
}

} // namespace pgweir
