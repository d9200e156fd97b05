#include "proxy/cluster/discovery.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

monitored_node server(const std::string& host, std::uint16_t port = 5432) {
    monitored_node node;
    node.host = host;
    node.port = port;
    return node;
}
monitored_node by_name(const std::string& host, std::uint16_t port = 5432) {
    auto node = server(host, port);
    node.is_discovered = true;
    return node;
}
std::vector<std::string> names(const std::vector<monitored_node>& nodes) {
    std::vector<std::string> all;
    for (const auto& node : nodes)
        all.push_back(name_of(node));
    return all;
}

TEST(AddressBook, KeepsTheLastGoodAnswer) {
    using change = address_book::change;
    address_book book;
    EXPECT_EQ(book.take("pg", std::nullopt), change::none);
    EXPECT_THAT(book.addresses("pg"), IsEmpty());
    EXPECT_EQ(book.take("pg", {{"10.0.0.2", "10.0.0.1", "10.0.0.2"}}), change::first);
    EXPECT_THAT(book.addresses("pg"), ElementsAre("10.0.0.1", "10.0.0.2"));
    EXPECT_EQ(book.take("pg", {{"10.0.0.1", "10.0.0.2"}}), change::none)
        << "the order says nothing";
    EXPECT_EQ(book.take("pg", std::nullopt), change::none);
    EXPECT_EQ(book.take("pg", std::vector<std::string>{}), change::none);
    EXPECT_THAT(book.addresses("pg"), ElementsAre("10.0.0.1", "10.0.0.2"));
    EXPECT_EQ(book.take("pg", {{"10.0.0.3"}}), change::changed);
    EXPECT_THAT(book.addresses("pg"), ElementsAre("10.0.0.3"));
    book.keep({"other"});
    EXPECT_THAT(book.addresses("pg"), IsEmpty());
}

TEST(Discovery, AsksForNamesOnce) {
    EXPECT_THAT(names_in({server("pg-0"), server("pg-0", 5433), by_name("pg"), server("10.0.0.1"),
                          server("fd00::1"), server("/run/postgresql")}),
                ElementsAre("pg-0", "pg"));
}

TEST(Discovery, MakesANodeOfEachAddress) {
    address_book book;
    const std::vector configured{server("pg-0"), by_name("pg", 6432)};
    EXPECT_THAT(names(present_nodes(configured, book)), ElementsAre("pg-0:5432"));
    book.take("pg", {{"fd00::1", "10.0.0.1"}});
    const auto present = present_nodes(configured, book);
    EXPECT_THAT(names(present), ElementsAre("pg-0:5432", "10.0.0.1:6432", "[fd00::1]:6432"));
    EXPECT_EQ(present[1].host, "pg") << "for verify-full";
    EXPECT_EQ(present[1].address, "10.0.0.1");
}

TEST(Discovery, ANameOfOneServerIsOneNodeWhateverItsAddresses) {
    address_book book;
    book.take("pg-0", {{"10.0.0.1", "fd00::1"}});
    EXPECT_THAT(names(present_nodes({server("pg-0")}, book)), ElementsAre("pg-0:5432"));
}

TEST(Discovery, AServerIsThereOnceByWhicheverName) {
    address_book book;
    book.take("pg", {{"10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"}});
    book.take("also-pg", {{"10.0.0.4", "10.0.0.5"}});
    book.take("pg-2", {{"10.0.0.2"}});
    const std::vector configured{server("10.0.0.1"), server("pg-2"), server("10.0.0.3", 6432),
                                 by_name("pg"), by_name("also-pg")};
    EXPECT_THAT(names(present_nodes(configured, book)),
                ElementsAre("10.0.0.1:5432", "pg-2:5432", "10.0.0.3:6432", "10.0.0.3:5432",
                            "10.0.0.4:5432", "10.0.0.5:5432"));
}

TEST(Discovery, NodesOfANameHaveNoCommonApplicationName) {
    address_book book;
    book.take("pg", {{"10.0.0.1"}});
    auto entry = by_name("pg");
    entry.application_name = "walreceiver";
    entry.weight = 0.5;
    const auto present = present_nodes({entry}, book);
    ASSERT_EQ(present.size(), 1U);
    EXPECT_EQ(present[0].application_name, "");
    EXPECT_EQ(present[0].weight, 0.5);
}

} // namespace
} // namespace pgweir
