#include "proxy/admin/switchover.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

class Switchover : public ::testing::Test {
protected:
    void SetUp() override {
        for (const auto role : {node_role::primary, node_role::standby, node_role::standby}) {
            node_view node;
            node.id = static_cast<std::uint16_t>(view_.nodes.size());
            node.host = "db-" + std::to_string(node.id);
            node.port = 5432;
            node.name = node.host + ":5432";
            node.role = role;
            node.health = node_health::up;
            node.sample.timeline = timeline_id{1};
            node.sample.received = lsn{1000};
            node.sample.number = 50;
            view_.nodes.push_back(node);
        }
        view_.primary = 0;
    }
    switchover_plan planned(std::string_view wanted = {}) {
        const auto result = plan_switchover(view_, wanted);
        if (const auto* const why = std::get_if<admin_error>(&result)) {
            ADD_FAILURE() << why->message;
            return {};
        }
        return std::get<switchover_plan>(result);
    }
    admin_error refused(std::string_view wanted = {}) {
        const auto result = plan_switchover(view_, wanted);
        if (const auto* const why = std::get_if<admin_error>(&result)) return *why;
        ADD_FAILURE() << "it was planned";
        return {};
    }
    /// What is seen after the command with look 60 as the latest before it.
    switchover_progress
    seen(std::optional<std::uint16_t> primary, std::uint64_t look, bool is_named = false) {
        view_.primary = primary;
        if (primary) view_.nodes[*primary].sample.number = look;
        return judge_switchover(view_, {0, 2, is_named}, 60);
    }
    cluster_view view_;
};

TEST_F(Switchover, GoesToTheNamedStandby) {
    const auto plan = planned("db-1");
    EXPECT_EQ(plan.from, 0);
    EXPECT_EQ(plan.to, 1);
    EXPECT_TRUE(plan.is_named);
    EXPECT_EQ(planned("2").to, 2);
    EXPECT_EQ(planned("db-2:5432").to, 2);
}

TEST_F(Switchover, ChoosesTheStandbyThatHasReceivedMost) {
    EXPECT_EQ(planned().to, 1) << "of equals the first";
    view_.nodes[2].sample.received = lsn{1001};
    EXPECT_EQ(planned().to, 2);
    EXPECT_FALSE(planned().is_named);
    view_.nodes[1].replication_sync_state = "sync";
    EXPECT_EQ(planned().to, 1) << "a synchronous one has all that was acknowledged";
    view_.nodes[1].sample.received.reset();
    view_.nodes[1].replication_sync_state = "async";
    EXPECT_EQ(planned().to, 2) << "unknown is not far";
}

TEST_F(Switchover, PassesOverStandbysThatCannotTakeOver) {
    view_.nodes[1].health = node_health::down;
    EXPECT_EQ(planned().to, 2);
    EXPECT_EQ(refused("1").sqlstate, "55000");
    view_.nodes[2].order = node_order::draining;
    EXPECT_EQ(refused().sqlstate, "55000");
    EXPECT_THAT(refused("2").message, HasSubstr("drained"));
    view_.nodes[2].order = node_order::attached;
    EXPECT_EQ(planned().to, 2);
    view_.nodes[2].role = node_role::unknown;
    EXPECT_EQ(refused().sqlstate, "55000");
}

TEST_F(Switchover, RefusesWhatIsNoChange) {
    EXPECT_THAT(refused("db-0").message, HasSubstr("already"));
    EXPECT_EQ(refused("db-9").sqlstate, "42704");
    view_.primary.reset();
    view_.no_primary_because = "nobody answers";
    EXPECT_THAT(refused().message, HasSubstr("nobody answers"));
}

TEST_F(Switchover, TellsTheCommandWhoIsWho) {
    const auto told = switchover_environment(view_, {0, 2, true});
    EXPECT_THAT(told, ::testing::ElementsAre(std::pair{"PGWEIR_PRIMARY_HOST", "db-0"},
                                             std::pair{"PGWEIR_PRIMARY_PORT", "5432"},
                                             std::pair{"PGWEIR_STANDBY_HOST", "db-2"},
                                             std::pair{"PGWEIR_STANDBY_PORT", "5432"}));
}

TEST_F(Switchover, IsDoneOnceAnotherPrimaryIsSeenAfterTheCommand) {
    EXPECT_EQ(seen(std::nullopt, 0), switchover_progress::nobody);
    EXPECT_EQ(seen(0, 61), switchover_progress::unchanged);
    EXPECT_EQ(seen(2, 60), switchover_progress::unchanged) << "seen before";
    EXPECT_EQ(seen(2, 61), switchover_progress::done);
    EXPECT_EQ(seen(1, 61), switchover_progress::done) << "nobody was named";
    EXPECT_EQ(seen(1, 61, true), switchover_progress::another);
    EXPECT_EQ(seen(2, 61, true), switchover_progress::done);
    view_.primary_parameters = {{"default_transaction_read_only", "off"}};
    EXPECT_EQ(seen(2, 61), switchover_progress::done);
    view_.primary_parameters = {{"default_transaction_read_only", "on"}};
    EXPECT_EQ(seen(2, 61), switchover_progress::read_only);
}

TEST(LastLines, KeepsTheEndInWholeLines) {
    last_lines lines;
    EXPECT_EQ(lines.text(), "");
    lines.add("one\ntw");
    lines.add("o\r\n\x1b[1mthree\n\n");
    EXPECT_EQ(lines.text(), "one\ntwo\n[1mthree");
    for (int i = 0; i < 1000; ++i)
        lines.add("line " + std::to_string(i) + "\n");
    const auto text = lines.text();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 19);
    EXPECT_TRUE(text.starts_with("line 980\n"));
    EXPECT_TRUE(text.ends_with("\nline 999"));
}

TEST(LastLines, HasABoundWhateverComes) {
    last_lines lines;
    for (int i = 0; i < 100; ++i)
        lines.add(std::string(1000, static_cast<char>('a' + i % 26)));
    EXPECT_LE(lines.text().size(), last_lines::most_bytes);
    EXPECT_FALSE(lines.text().empty());
    lines.add("\n" + std::string(1999, 'x'));
    EXPECT_EQ(lines.text(), std::string(1999, 'x'));
    EXPECT_THAT(lines.text(), Not(HasSubstr("a")));
}

} // namespace
} // namespace pgweir
