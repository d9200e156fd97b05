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

TEST(CancelRegistry, AnIdTellsItsInstanceAndWorker) {
    cancel_registry registry;
    EXPECT_EQ(cancel_id::instance_of(registry.add(5).process_id), 0);
    for (const unsigned instance : {1U, 17U, 255U}) {
        registry.set_instance(static_cast<std::uint8_t>(instance));
        const auto made = registry.add(63);
        EXPECT_GT(made.process_id, 0);
        EXPECT_EQ(cancel_id::instance_of(made.process_id), instance);
        EXPECT_EQ(made.process_id >> cancel_id::slot_bits & 63, 63);
        EXPECT_TRUE(registry.find(made.process_id, made.secret_key));
    }
    EXPECT_EQ(cancel_id::instance_of(-1), 0);
}

TEST(CancelRegistry, AWorkerWithMoreSessionsThanSlotsGoesOnWithTheNextOnes) {
    cancel_registry registry;
    std::set<std::int32_t> ids;
    for (unsigned i = 0; i < cancel_id::slots + 1'000; ++i)
        EXPECT_TRUE(ids.insert(registry.add(62).process_id).second);
    const auto last = registry.add(62);
    EXPECT_EQ(last.process_id >> cancel_id::slot_bits & 63, 63);
    EXPECT_EQ(registry.find(last.process_id, last.secret_key)->worker, 62U);
}

TEST(CancelRegistry, LaterProtocolsHaveLongKeys) {
    cancel_registry registry;
    const auto mine = registry.add(0, cancel_registry::long_key);
    EXPECT_EQ(mine.secret_key.size(), 32U);
    EXPECT_TRUE(registry.find(mine.process_id, mine.secret_key));
    for (std::size_t i = 0; i < mine.secret_key.size(); ++i) {
        auto wrong = mine.secret_key;
        wrong[i] = static_cast<char>(wrong[i] ^ 0x80);
        EXPECT_FALSE(registry.find(mine.process_id, wrong));
    }
    EXPECT_FALSE(registry.find(mine.process_id, mine.secret_key.substr(0, 4)));
    EXPECT_FALSE(registry.find(mine.process_id, mine.secret_key + 'x'));
    EXPECT_FALSE(registry.find(mine.process_id, mine.secret_key + std::string(224, '\0')));
    // What is missing of a short key is not a zero that could be sent.
    const auto brief = registry.add(0);
    EXPECT_FALSE(registry.find(brief.process_id, brief.secret_key + std::string(28, '\0')));
}

TEST(CancelRegistry, KeysAreRandom) {
    constexpr int tries = 4'000;
    cancel_registry registry;
    for (const std::size_t size : {std::size_t{4}, cancel_registry::long_key}) {
        std::set<std::string> keys;
        std::vector<int> ones(8 * size), changes(8 * size);
        std::string before(size, '\0');
        for (int i = 0; i < tries; ++i) {
            const auto key = registry.add(0, size).secret_key;
            for (std::size_t bit = 0; bit < 8 * size; ++bit) {
                const auto is_set = [bit](const std::string& k) {
                    return (static_cast<unsigned char>(k[bit / 8]) >> bit % 8 & 1U) != 0;
                };
                ones[bit] += is_set(key) ? 1 : 0;
                changes[bit] += is_set(key) != is_set(before) ? 1 : 0;
            }
            keys.insert(key);
            before = key;
        }
        EXPECT_GT(keys.size(), tries - 10U) << "of 2^32 a few thousand are hardly ever the same";
        // Nine standard deviations about the middle: neither a constant nor a count stays within.
        for (const auto& figures : {ones, changes})
            for (const int figure : figures)
                EXPECT_NEAR(figure, tries / 2, 285);
    }
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
