#include "proxy/session/pins.hpp"

#include <gtest/gtest.h>

#include <set>
#include <vector>

using namespace pgweir;

namespace {

constexpr auto count = static_cast<std::size_t>(pin_reason::opaque) + 1;

std::vector<pin_reason> reasons(const pin_set& pins) {
    std::vector<pin_reason> all;
    pins.each([&](pin_reason why) { all.push_back(why); });
    return all;
}

pin_set of(std::initializer_list<pin_reason> whys) {
    pin_set pins;
    for (const auto why : whys)
        pins.add(why);
    return pins;
}

} // namespace

TEST(PinSet, BeginsEmpty) {
    const pin_set pins;
    EXPECT_FALSE(pins.any());
    EXPECT_TRUE(reasons(pins).empty());
}

TEST(PinSet, HoldsEachReasonOnce) {
    for (std::size_t i = 0; i < count; ++i) {
        const auto why = static_cast<pin_reason>(i);
        SCOPED_TRACE(label(why));
        auto pins = of({why, why});
        EXPECT_TRUE(pins.any());
        EXPECT_EQ(reasons(pins), std::vector{why});
        for (std::size_t other = 0; other < count; ++other)
            EXPECT_EQ(pins.has(static_cast<pin_reason>(other)), other == i);
        pins.clear();
        EXPECT_FALSE(pins.any());
    }
}

TEST(PinSet, UnitesAndSubtracts) {
    auto pins = of({pin_reason::listen});
    pins.add(of({pin_reason::seed, pin_reason::listen}));
    EXPECT_EQ(reasons(pins), (std::vector{pin_reason::listen, pin_reason::seed}));
    EXPECT_EQ(reasons(pins.without(of({pin_reason::listen, pin_reason::opaque}))),
              std::vector{pin_reason::seed});
    EXPECT_FALSE(pins.without(pins).any());
    EXPECT_TRUE(pins.has(pin_reason::listen)) << "itself unchanged";
}

TEST(PinSet, IsWashableUnlessSomethingOutlivesDiscardAll) {
    EXPECT_TRUE(is_washable({}));
    for (std::size_t i = 0; i < count; ++i) {
        const auto why = static_cast<pin_reason>(i);
        SCOPED_TRACE(label(why));
        const bool stays = why == pin_reason::library || why == pin_reason::seed ||
                           why == pin_reason::held_by_connection || why == pin_reason::opaque;
        EXPECT_EQ(is_washable(of({why})), !stays);
        EXPECT_EQ(is_washable(of({why, pin_reason::listen})), !stays) << "one is enough";
    }
}

TEST(PinSet, EveryReasonHasALabelOfItsOwn) {
    std::set<std::string_view> labels;
    for (std::size_t i = 0; i < count; ++i)
        labels.insert(label(static_cast<pin_reason>(i)));
    EXPECT_EQ(labels.size(), count);
    EXPECT_FALSE(labels.contains("unknown"));
}
