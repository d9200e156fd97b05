#include "proxy/session/prepared_statements.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

using namespace pgweir;

namespace {

const std::string no_types(2, '\0');
const std::string one_type{"\0\1\0\0\0\x17", 6};

std::shared_ptr<const sql::query_facts> some_facts() {
    return std::make_shared<sql::query_facts>();
}

prepared_ptr intern(prepared_store& store,
                    std::string_view text,
                    std::string_view state = {},
                    bool shared = true) {
    return store.intern(text, no_types, {state}, some_facts(), shared);
}

} // namespace

TEST(PreparedStore, TheSameTextTypesAndStateAreOneStatement) {
    prepared_store store{3};
    const auto facts = some_facts();
    const auto first = store.intern("select $1", one_type, {"a=1"}, facts, true);
    EXPECT_EQ(first->text, "select $1");
    EXPECT_EQ(first->types, one_type);
    EXPECT_EQ(first->facts, facts);
    EXPECT_EQ(store.intern("select $1", one_type, {"a=1"}, some_facts(), true), first);
    EXPECT_EQ(store.find("select $1", one_type, "a=1"), first);
}

TEST(PreparedStore, AnythingElseIsAnotherStatement) {
    prepared_store store{0};
    const auto first = store.intern("select $1", one_type, {"a=1"}, some_facts(), true);
    EXPECT_NE(store.intern("select $2", one_type, {"a=1"}, some_facts(), true), first);
    EXPECT_NE(store.intern("select $1", no_types, {"a=1"}, some_facts(), true), first);
    EXPECT_NE(store.intern("select $1", one_type, {"a=2"}, some_facts(), true), first)
        << "search_path may mean another table";
    EXPECT_EQ(store.find("select $1", one_type, ""), nullptr);
}

TEST(PreparedStore, WhatIsNotSharedIsNewEveryTimeAndNeverFound) {
    prepared_store store{0};
    const auto first = intern(store, "select 'now'", {}, false);
    EXPECT_NE(intern(store, "select 'now'", {}, false), first);
    EXPECT_EQ(store.find("select 'now'", no_types, {}), nullptr);
    const auto shared = intern(store, "select 'now'");
    EXPECT_NE(shared, first);
    EXPECT_NE(intern(store, "select 'now'", {}, false), shared);
}

TEST(PreparedStore, WhatIsOutdatedIsNotFoundAgain) {
    prepared_store store{0};
    const auto first = intern(store, "select 1");
    first->outdated = true;
    EXPECT_EQ(store.find("select 1", no_types, {}), nullptr);
    const auto second = intern(store, "select 1");
    EXPECT_NE(second, first);
    EXPECT_EQ(store.find("select 1", no_types, {}), second);
}

TEST(PreparedStore, NamesAndNumbersAreNeverUsedTwiceInAProcess) {
    prepared_store here{0}, there{1};
    const auto first = intern(here, "select 1"), other = intern(here, "select 2"),
               elsewhere = intern(there, "select 1");
    for (const auto& s : {first, other, elsewhere})
        EXPECT_TRUE(s->server_name.starts_with(server_name_prefix));
    EXPECT_NE(first->server_name, other->server_name);
    EXPECT_NE(first->server_name, elsewhere->server_name);
    EXPECT_NE(first->id, other->id);
    EXPECT_NE(first->id, elsewhere->id);
    EXPECT_NE(first->id, 0U);
}

TEST(PreparedStore, AStatementThatNobodyHoldsIsForgottenAndComesBackUnderANewName) {
    prepared_store store{0};
    auto first = intern(store, "select 1");
    const auto name = first->server_name;
    first.reset();
    EXPECT_EQ(store.find("select 1", no_types, {}), nullptr);
    EXPECT_NE(intern(store, "select 1")->server_name, name)
        << "a server connection may still have the old one";
}

TEST(PreparedStore, DoesNotGrowWithStatementsThatAreGone) {
    prepared_store store{0};
    std::vector<prepared_ptr> held;
    for (int i = 0; i < 100; ++i)
        held.push_back(intern(store, "select " + std::to_string(i)));
    for (int i = 0; i < 50'000; ++i)
        (void)intern(store, "select -" + std::to_string(i));
    EXPECT_LT(store.size(), 2'000U);
    for (const auto& s : held)
        EXPECT_EQ(store.find(s->text, no_types, {}), s);
}

class PreparedSet : public testing::Test {
protected:
    prepared_ptr make(std::size_t size) {
        return intern(store, std::string(size, static_cast<char>('a' + ++made % 26)), {}, false);
    }
    prepared_store store{0};
    prepared_set set;
    int made = 0;
};

TEST_F(PreparedSet, KnowsWhatItHas) {
    const auto a = make(10), b = make(10);
    set.add(a);
    EXPECT_TRUE(set.use(a->id));
    EXPECT_FALSE(set.use(b->id));
    EXPECT_EQ(set.size(), 1U);
    set.remove(b->id);
    set.remove(a->id);
    EXPECT_FALSE(set.use(a->id));
    EXPECT_EQ(set.size(), 0U);
}

TEST_F(PreparedSet, CountsAStatementOnceHoweverOftenItIsAdded) {
    const auto a = make(10), b = make(10);
    for (int i = 0; i < 5; ++i)
        set.add(a);
    set.add(b);
    EXPECT_EQ(set.size(), 2U);
    EXPECT_EQ(set.excess(a->bytes() + b->bytes()), nullptr);
    EXPECT_NE(set.excess(a->bytes() + b->bytes() - 1), nullptr);
}

TEST_F(PreparedSet, GivesUpTheLeastRecentlyUsedFirst) {
    const auto a = make(10), b = make(10), c = make(10);
    for (const auto& s : {a, b, c})
        set.add(s);
    EXPECT_TRUE(set.use(a->id));
    std::vector<prepared_ptr> evicted;
    while (const auto old = set.excess(1)) {
        evicted.push_back(old);
        set.remove(old->id);
    }
    EXPECT_EQ(evicted, (std::vector{b, c}));
    EXPECT_TRUE(set.use(a->id)) << "the newest stays whatever its size: it is about to be used";
}

TEST_F(PreparedSet, AddingAgainIsAUse) {
    const auto a = make(10), b = make(10);
    set.add(a);
    set.add(b);
    set.add(a);
    EXPECT_EQ(set.excess(1), b);
}

TEST_F(PreparedSet, ClearedHasRoomAgain) {
    const auto a = make(1'000), b = make(1'000);
    set.add(a);
    set.add(b);
    set.clear();
    EXPECT_EQ(set.size(), 0U);
    EXPECT_FALSE(set.use(a->id));
    set.add(a);
    set.add(b);
    EXPECT_EQ(set.excess(a->bytes() + b->bytes()), nullptr);
}

TEST_F(PreparedSet, HoldsItsStatementsAlive) {
    auto a = make(10);
    const std::weak_ptr<const prepared_statement> watched = a;
    set.add(std::exchange(a, nullptr));
    EXPECT_FALSE(watched.expired());
    set.clear();
    EXPECT_TRUE(watched.expired());
}
