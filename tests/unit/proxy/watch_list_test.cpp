#include "proxy/session/watch_list.hpp"

#include <gmock/gmock.h>

namespace pgweir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(watch_list, TellsThemInTheOrderOfTheirArrival) {
    int sessions[4] = {};
    watch_list<int> list;
    for (const int index : {2, 0, 3, 1})
        list.insert(&sessions[index]);
    list.insert(&sessions[2]); // keeps its place
    list.erase(&sessions[0]);
    EXPECT_THAT(list.in_order(), ElementsAre(&sessions[2], &sessions[3], &sessions[1]));
    list.insert(&sessions[0]); // left its place
    EXPECT_THAT(list.in_order(),
                ElementsAre(&sessions[2], &sessions[3], &sessions[1], &sessions[0]));
    EXPECT_TRUE(list.contains(&sessions[0]));
    list.erase(&sessions[0]);
    EXPECT_FALSE(list.contains(&sessions[0]));
    list.clear();
    EXPECT_THAT(list.in_order(), IsEmpty());
}

} // namespace
} // namespace pgweir
