#include "proxy/access/ident_map.hpp"
#include "tests/unit/proxy/access/hba_text.hpp"

#include <gmock/gmock.h>

namespace pgweir {
namespace {

using ::testing::HasSubstr;

ident_maps maps_of(std::string_view text, std::string* problem = nullptr) {
    const auto tokens = read_hba_text(text, "ident", files_of({}));
    std::vector<hba_problem> problems;
    auto maps = parse_ident(tokens.lines, problems);
    for (const auto& one : problems) {
        if (problem != nullptr)
            *problem = one.text();
        else
            ADD_FAILURE() << one.text();
    }
    return maps;
}

bool allows(std::string_view text, std::string_view system_user, std::string_view user) {
    return may_be(maps_of(text), "m", system_user, user, nullptr) == name_match::yes;
}

std::string problem(std::string_view text) {
    std::string found;
    static_cast<void>(maps_of(text, &found));
    return found;
}

TEST(IdentMap, WithoutAMapBothNamesMustBeTheSame) {
    EXPECT_EQ(may_be({}, "", "ann", "ann", nullptr), name_match::yes);
    EXPECT_EQ(may_be({}, "", "Ann", "ann", nullptr), name_match::no);
    EXPECT_EQ(may_be({}, "", "", "", nullptr), name_match::no);
    const std::string name(64, 'x');
    EXPECT_EQ(may_be({}, "", name, name, nullptr), name_match::no)
        << "the server would take him for somebody with a shorter name";
}

TEST(IdentMap, AnyLineOfTheMapMayLetHimIn) {
    const auto* const text = "m ann app\nm ann web\nother bob app\nm \"O=X, CN=c\" c\n";
    EXPECT_TRUE(allows(text, "ann", "app"));
    EXPECT_TRUE(allows(text, "ann", "web"));
    EXPECT_FALSE(allows(text, "ann", "ann"));
    EXPECT_FALSE(allows(text, "bob", "app"));
    EXPECT_TRUE(allows(text, "O=X, CN=c", "c"));
    EXPECT_EQ(may_be(maps_of(text), "none", "ann", "ann", nullptr), name_match::no);
}

TEST(IdentMap, PatternsHandTheirFirstGroupOn) {
    EXPECT_TRUE(allows("m /^(.*)@example\\.com$ \\1", "ann@example.com", "ann"));
    EXPECT_FALSE(allows("m /^(.*)@example\\.com$ \\1", "ann@example.com", "bob"));
    EXPECT_FALSE(allows("m /^(.*)@example\\.com$ \\1", "ann@example.org", "ann"));
    EXPECT_TRUE(allows("m /^(.*)@.*$ x_\\1_y", "ann@h", "x_ann_y"));
    EXPECT_TRUE(allows("m /^.*@guests$ guest", "ann@guests", "guest"));
    EXPECT_FALSE(allows("m /^(.*)@.*$ \\1", "all@h", "postgres"))
        << "what a group finds is a name, whatever it spells";
    EXPECT_FALSE(allows("m /^(.*)@.*$ \\1", "+dba@h", "dba"));
    EXPECT_FALSE(allows("m ann \\1", "ann", "ann"));
}

TEST(IdentMap, AReferenceToNoGroupLetsNobodyInNorDoTheLinesBehind) {
    std::string said;
    const auto maps = maps_of("m /^a$ \\1\nm a all\nm b all", &said);
    EXPECT_THAT(said, HasSubstr("has no parentheses for the \\1"));
    EXPECT_EQ(may_be(maps, "m", "a", "a", nullptr), name_match::no);
    EXPECT_EQ(may_be(maps, "m", "b", "app", nullptr), name_match::yes);
}

TEST(IdentMap, UsersMayBeAllAPatternOrMembersOfARole) {
    EXPECT_TRUE(allows("m root all", "root", "anybody"));
    EXPECT_FALSE(allows("m root \"all\"", "root", "anybody"));
    EXPECT_TRUE(allows("m ann /^app_", "ann", "app_1"));
    EXPECT_FALSE(allows("m ann /^app_", "ann", "web_1"));
    const auto maps = maps_of("m ann +staff");
    EXPECT_TRUE(maps.asks_roles);
    EXPECT_EQ(may_be(maps, "m", "ann", "app", nullptr), name_match::depends_on_roles);
    EXPECT_EQ(may_be(maps, "m", "bob", "app", nullptr), name_match::no);
    const role_names member{"app", "staff"};
    const role_names stranger{"app"};
    EXPECT_EQ(may_be(maps, "m", "ann", "app", &member), name_match::yes);
    EXPECT_EQ(may_be(maps, "m", "ann", "app", &stranger), name_match::no);
}

TEST(IdentMap, WhatIsWrongIsToldWithItsLine) {
    EXPECT_EQ(problem("m ann"),
              "ident:1: must have three fields: map, system user name, database user name");
    EXPECT_EQ(problem("m a,b app"), "ident:1: has more than one word in a field");
    EXPECT_THAT(problem("m /( app"), HasSubstr("the regular expression"));
    EXPECT_THAT(problem("m a /("), HasSubstr("the regular expression"));
}

} // namespace
} // namespace pgweir
