#include "proxy/access/address_limits.hpp"

#include <gtest/gtest.h>

#include <string>

using namespace pgweir;
using std::chrono::seconds;

namespace {
const auto start = address_limits::clock::time_point{} + std::chrono::hours{1};
address_limits::key_type key_of(std::string_view address) {
    return address_limits::key_of(parse_host_address(address));
}

const auto ann = key_of("10.0.0.1");
const auto bob = key_of("10.0.0.2");
} // namespace

TEST(AddressLimits, WithoutLimitsEverythingIsAllowed) {
    address_limits limits;
    for (int i = 0; i < 1'000; ++i) {
        EXPECT_TRUE(limits.begin(ann));
        limits.failed(ann, start);
        EXPECT_TRUE(limits.may_try(ann, start));
    }
}

TEST(AddressLimits, OneAddressDoesNotTakeAnothersLogins) {
    address_limits limits;
    limits.set(2, 0);
    EXPECT_TRUE(limits.begin(ann));
    EXPECT_TRUE(limits.begin(ann));
    EXPECT_FALSE(limits.begin(ann));
    EXPECT_TRUE(limits.begin(bob));
    limits.end(ann);
    EXPECT_TRUE(limits.begin(ann));
    EXPECT_FALSE(limits.begin(ann));
}

TEST(AddressLimits, AnAddressWithNothingUnderWayIsForgotten) {
    address_limits limits;
    limits.set(2, 5);
    EXPECT_TRUE(limits.begin(ann));
    EXPECT_EQ(limits.remembered(), 1U);
    limits.end(ann);
    EXPECT_EQ(limits.remembered(), 0U);
    limits.end(ann); // one too many
}

TEST(AddressLimits, SoManyFailuresAndNoMoreWithinAMinute) {
    address_limits limits;
    limits.set(0, 3);
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(limits.may_try(ann, start));
        limits.failed(ann, start);
    }
    EXPECT_FALSE(limits.may_try(ann, start));
    EXPECT_FALSE(limits.may_try(ann, start + seconds{19}));
    EXPECT_TRUE(limits.may_try(bob, start));
    EXPECT_TRUE(limits.may_try(ann, start + seconds{20}));
    limits.failed(ann, start + seconds{20});
    EXPECT_FALSE(limits.may_try(ann, start + seconds{39}));
    EXPECT_TRUE(limits.may_try(ann, start + seconds{40}));
}

TEST(AddressLimits, FailuresThatWereUnderWayTogetherDoNotPileUp) {
    address_limits limits;
    limits.set(0, 3);
    for (int i = 0; i < 1'000; ++i)
        limits.failed(ann, start);
    EXPECT_FALSE(limits.may_try(ann, start));
    EXPECT_TRUE(limits.may_try(ann, start + seconds{20}));
}

TEST(AddressLimits, FailuresOutliveTheConnection) {
    address_limits limits;
    limits.set(0, 1);
    EXPECT_TRUE(limits.begin(ann));
    limits.failed(ann, start);
    limits.end(ann);
    EXPECT_FALSE(limits.may_try(ann, start));
    limits.set(0, 0);
    EXPECT_TRUE(limits.may_try(ann, start));
}

TEST(AddressLimits, KeysAreHostsHoweverTheyAreWritten) {
    EXPECT_EQ(key_of("::ffff:10.0.0.1"), ann);
    EXPECT_NE(ann, bob);
    // An IPv6 host may take any address of its network.
    EXPECT_EQ(key_of("2001:db8::1"), key_of("2001:db8::ffff:2"));
    EXPECT_NE(key_of("2001:db8::1"), key_of("2001:db8:0:1::1"));
    EXPECT_NE(key_of("::1"), address_limits::key_type{});
}

TEST(AddressLimits, AUnixSocketHasNone) {
    address_limits limits;
    limits.set(1, 1);
    const auto nobody = key_of("unix");
    EXPECT_EQ(nobody, address_limits::key_type{});
    for (int i = 0; i < 3; ++i) {
        EXPECT_TRUE(limits.begin(nobody));
        limits.failed(nobody, start);
        EXPECT_TRUE(limits.may_try(nobody, start));
    }
    EXPECT_EQ(limits.remembered(), 0U);
}

TEST(AddressLimits, MemoryIsBounded) {
    address_limits limits;
    limits.set(0, 2);
    limits.failed(ann, start);
    limits.failed(ann, start);
    for (std::size_t i = 0; i < 2 * address_limits::most_addresses; ++i) {
        address_limits::key_type stranger{0x20, 1};
        for (std::size_t byte = 0; byte < 4; ++byte)
            stranger[4 + byte] = static_cast<std::uint8_t>(i >> (8 * byte));
        limits.failed(stranger, start);
        ASSERT_LE(limits.remembered(), address_limits::most_addresses);
    }
    EXPECT_FALSE(limits.may_try(ann, start)) << "those with more failures are kept";
}
