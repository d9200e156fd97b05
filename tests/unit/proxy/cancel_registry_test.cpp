#include "proxy/session/cancel_registry.hpp"

#include <gtest/gtest.h>

#include <set>
#include <thread>
#include <vector>

using namespace pgweir;

TEST(CancelRegistry, FindsASessionByItsIdAndKey) {
    cancel_registry registry;
    const auto mine = registry.add(3);
    const auto found = registry.find(mine.process_id, mine.secret_key);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->worker, 3U);
    EXPECT_EQ(found->process_id, mine.process_id);
}

TEST(CancelRegistry, EveryIdIsPositiveAndItsOwn) {
    cancel_registry registry;
    std::set<std::int32_t> ids;
    for (int i = 0; i < 1'000; ++i) {
        const auto made = registry.add(0);
        EXPECT_GT(made.process_id, 0);
        EXPECT_EQ(made.secret_key.size(), 4U);
        EXPECT_TRUE(ids.insert(made.process_id).second);
    }
}

TEST(CancelRegistry, KeysAreRandom) {
    cancel_registry registry;
    std::set<std::string> keys;
    for (int i = 0; i < 1'000; ++i)
        keys.insert(registry.add(0).secret_key);
    EXPECT_GT(keys.size(), 990U) << "of 2^32 a thousand are hardly ever the same";
}

TEST(CancelRegistry, AWrongKeyFindsNobody) {
    cancel_registry registry;
    const auto mine = registry.add(0), other = registry.add(0);
    for (std::size_t i = 0; i < 4; ++i) {
        auto wrong = mine.secret_key;
        wrong[i] = static_cast<char>(wrong[i] ^ 1);
        EXPECT_FALSE(registry.find(mine.process_id, wrong));
    }
    EXPECT_FALSE(registry.find(mine.process_id, ""));
    EXPECT_FALSE(registry.find(mine.process_id, mine.secret_key.substr(0, 3)));
    EXPECT_FALSE(registry.find(mine.process_id, mine.secret_key + '\0'));
    if (mine.secret_key != other.secret_key)
        EXPECT_FALSE(registry.find(mine.process_id, other.secret_key));
    EXPECT_FALSE(registry.find(0, mine.secret_key));
    EXPECT_FALSE(registry.find(-mine.process_id, mine.secret_key));
}

TEST(CancelRegistry, AfterLogoutTheKeyFindsNobody) {
    cancel_registry registry;
    const auto mine = registry.add(0), other = registry.add(1);
    registry.remove(mine.process_id);
    registry.remove(mine.process_id);
    EXPECT_FALSE(registry.find(mine.process_id, mine.secret_key));
    EXPECT_TRUE(registry.find(other.process_id, other.secret_key));
}

TEST(CancelRegistry, AnIdIsNotUsedAgainAtOnce) {
    cancel_registry registry;
    const auto mine = registry.add(0);
    registry.remove(mine.process_id);
    EXPECT_NE(registry.add(0).process_id, mine.process_id)
        << "a late cancel request must not meet a newcomer";
}

TEST(CancelRegistry, MayBeUsedByAllWorkersAtOnce) {
    cancel_registry registry;
    std::vector<std::thread> workers;
    for (unsigned w = 0; w < 4; ++w)
        workers.emplace_back([&registry, w] {
            for (int i = 0; i < 500; ++i) {
                const auto mine = registry.add(w);
                const auto found = registry.find(mine.process_id, mine.secret_key);
                EXPECT_TRUE(found && found->worker == w);
                registry.remove(mine.process_id);
            }
        });
    for (auto& w : workers)
        w.join();
}
