#include "proxy/session/peers.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

using namespace pgweir;
using testing::ElementsAre;
using testing::IsEmpty;

namespace {
const std::vector<std::string> pod{"10.0.0.2", "127.0.0.1", "::1", "fe80::2"};
}

TEST(Peers, NobodyIsAPeerOfOneThatIsAlone) {
    const auto list = judge_peers({}, pod, 5432);
    EXPECT_EQ(list.own, 0);
    EXPECT_THAT(list.others, IsEmpty());
    EXPECT_THAT(list.with_number(0), IsEmpty());
}

TEST(Peers, AllComeToTheSameNumbers) {
    const std::vector<instance_address> found{
        {"10.0.0.3", 5432}, {"10.0.0.1", 5432}, {"10.0.0.2", 5432}};
    const auto second = judge_peers(found, pod, 5432);
    EXPECT_EQ(second.own, instance_number({"10.0.0.2", 5432}));
    EXPECT_THAT(second.others, ElementsAre(found[1], found[0]));
    const auto first = judge_peers(found, {"127.0.0.1", "10.0.0.1"}, 5432);
    EXPECT_THAT(first.with_number(second.own), ElementsAre(found[2]));
    EXPECT_THAT(second.with_number(first.own), ElementsAre(found[1]));
}

TEST(Peers, InstancesOfOneHostDifferByTheirPorts) {
    const std::vector<instance_address> found{{"127.0.0.1", 6001}, {"127.0.0.1", 6002}};
    const auto list = judge_peers(found, pod, 6002);
    EXPECT_EQ(list.own, instance_number(found[1]));
    EXPECT_THAT(list.others, ElementsAre(found[0]));
    EXPECT_TRUE(list.is_at("127.0.0.1"));
    EXPECT_FALSE(list.is_at("10.0.0.2"));
}

TEST(Peers, WhoIsNotAnnouncedYetHasTheNumberThatItWillHave) {
    const std::vector<instance_address> others{{"10.0.0.1", 5432}};
    const auto before = judge_peers(others, pod, 5432);
    EXPECT_EQ(before.own, instance_number({"10.0.0.2", 5432}));
    EXPECT_THAT(before.others, ElementsAre(others[0]));
    const auto after = judge_peers({{"10.0.0.1", 5432}, {"10.0.0.2", 5432}}, pod, 5432);
    EXPECT_EQ(after, before);
}

TEST(Peers, AnAddressThatIsNamedTwiceIsOnePeer) {
    const instance_address other{"10.0.0.1", 5432};
    EXPECT_THAT(judge_peers({other, other}, pod, 5432).others, ElementsAre(other));
}

TEST(Peers, NumbersAreSpreadAndNeverZero) {
    std::set<std::uint8_t> numbers;
    for (int host = 0; host < 256; ++host)
        numbers.insert(instance_number({"10.42.0." + std::to_string(host), 5432}));
    EXPECT_FALSE(numbers.contains(0));
    EXPECT_GT(numbers.size(), 130U);
    EXPECT_EQ(instance_number({"10.42.0.1", 5432}), 87) << "the same in every version";
}

TEST(Peers, WithOneNumberForTwoBothAreAsked) {
    peer_list list;
    list.others = {{"10.0.0.1", 5432}, {"10.0.0.2", 5432}};
    while (instance_number(list.others[0]) != instance_number(list.others[1]))
        ++list.others[1].port;
    EXPECT_EQ(list.with_number(instance_number(list.others[0])), list.others);
}

TEST(Peers, AMarkedKeyIsReadBack) {
    for (const std::string& key : {std::string("\0abc", 4), std::string(32, 'k'), std::string{}}) {
        EXPECT_EQ(read_mark(key), std::pair(std::string_view{key}, false));
        const auto marked = mark_passed_on(key);
        EXPECT_EQ(read_mark(marked), std::pair(std::string_view{key}, true));
    }
}
