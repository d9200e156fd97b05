#include "proxy/defaults_watch.hpp"

#include <gtest/gtest.h>

#include <vector>

using namespace pgweir;

namespace {

/// A primary (node 0) and two standbys, whose samples tell how far they are.
class DefaultsWatch : public testing::Test {
protected:
    DefaultsWatch() {
        view.nodes.resize(3);
        for (std::uint16_t id = 0; id < 3; ++id) {
            auto& node = view.nodes[id];
            node.id = id;
            node.role = id == 0 ? node_role::primary : node_role::standby;
            node.health = node_health::up;
            node.readable = id != 0;
            node.role_epoch = 1;
            node.sample.timeline = timeline_id{1};
        }
        view.primary = 0;
        view.history = {{timeline_id{1}, lsn{~std::uint64_t{0}}}};
    }
    /// The nodes to retire connections of after each node was looked at.
    std::vector<std::uint16_t>
    look(std::uint64_t flush, std::uint64_t first_replay, std::uint64_t second_replay) {
        auto& primary = view.nodes[0].sample;
        primary.number = ++looks;
        primary.flush = primary.insert = lsn{flush};
        const std::uint64_t replayed[] = {0, first_replay, second_replay};
        for (std::uint16_t id = 1; id < 3; ++id) {
            auto& sample = view.nodes[id].sample;
            sample.number = ++looks;
            sample.replay = sample.received = lsn{replayed[id]};
        }
        std::vector<std::uint16_t> nodes;
        for (const auto& one : watch.on_view(view, looks)) {
            EXPECT_EQ(one.what, what);
            nodes.push_back(one.node);
        }
        return nodes;
    }

    using nodes = std::vector<std::uint16_t>;
    cluster_view view;
    std::uint64_t looks = 0;
    const default_changes what{{"app", ""}};
    defaults_watch watch;
};

} // namespace

TEST_F(DefaultsWatch, EachStandbyIsDealtWithOnceItHasReplayedTheChange) {
    EXPECT_EQ(look(100, 100, 100), nodes{});
    watch.changed(what, looks, false);
    EXPECT_EQ(look(200, 150, 100), nodes{});
    EXPECT_EQ(look(300, 200, 150), nodes{1});
    EXPECT_EQ(look(400, 400, 199), nodes{}) << "once";
    EXPECT_EQ(look(500, 500, 500), nodes{2});
    EXPECT_EQ(look(600, 600, 600), nodes{});
}

TEST_F(DefaultsWatch, ManyChangesAreNotForgotten) {
    look(100, 100, 100);
    for (int i = 0; i < 200; ++i)
        watch.changed(what, looks, false);
    look(200, 100, 100);
    std::size_t changes = 0;
    view.nodes[1].sample = {};
    auto& sample = view.nodes[2].sample;
    sample.number = ++looks;
    sample.timeline = timeline_id{1};
    sample.replay = sample.received = lsn{200};
    for (const auto& one : watch.on_view(view, looks))
        changes += one.what.size();
    EXPECT_EQ(changes, 200U);
}

TEST(LoginDefaults, ConcernWhomTheyName) {
    EXPECT_TRUE(concern({{"app", ""}}, "any", "app"));
    EXPECT_FALSE(concern({{"app", ""}}, "any", "other"));
    EXPECT_TRUE(concern({{"", "shop"}}, "shop", "other"));
    EXPECT_FALSE(concern({{"app", "shop"}}, "any", "app"));
    EXPECT_TRUE(concern({sql::login_defaults{}}, "any", "any"));
    EXPECT_FALSE(concern({}, "any", "any"));
}

TEST(LoginDefaults, DifferencesAreOfTheRolesWhoseRowsDiffer) {
    using rows = std::vector<login_defaults_row>;
    const rows before{{"", "a", "1"}, {"shop", "b", "2"}, {"", "", "files of monday"}};
    EXPECT_TRUE(differences("shop", before, before).empty());
    rows after = before;
    after[0].digest = "3";
    EXPECT_EQ(differences("shop", before, after), (default_changes{{"a", "shop"}}));
    after.erase(after.begin() + 1);
    EXPECT_EQ(differences("shop", before, after), (default_changes{{"a", "shop"}, {"b", "shop"}}));
    after = before;
    after[2].digest = "files of tuesday";
    EXPECT_EQ(differences("shop", before, after), (default_changes{{"", "shop"}}));
}
