#include "sql/classify.hpp"

#include <gtest/gtest.h>

namespace pgweir::sql {

namespace {

std::vector<login_defaults> changed_by(std::string_view text) {
    const auto facts = classify(text);
    EXPECT_EQ(facts.statements.size(), 1U) << text;
    return facts.statements.empty() ? std::vector<login_defaults>{}
                                    : facts.statements.front().changes_defaults;
}
using defaults = std::vector<login_defaults>;

} // namespace

TEST(ClassifyDefaults, TellWhoseLoginsBeginWithSomethingElse) {
    EXPECT_EQ(changed_by("alter role app set work_mem = '1MB'"), (defaults{{"app", ""}}));
    EXPECT_EQ(changed_by("ALTER USER App IN DATABASE shop SET work_mem TO default"),
              (defaults{{"app", "shop"}}));
    EXPECT_EQ(changed_by("alter role all set work_mem = '1MB'"), (defaults{{"", ""}}));
    EXPECT_EQ(changed_by("alter role all in database shop reset all"), (defaults{{"", "shop"}}));
    EXPECT_EQ(changed_by("alter role current_user reset work_mem"), (defaults{{"", ""}}));
    EXPECT_EQ(changed_by("alter database \"Shop\" set search_path from current"),
              (defaults{{"", "Shop"}}));
    EXPECT_EQ(changed_by("alter database shop reset all"), (defaults{{"", "shop"}}));
    EXPECT_EQ(changed_by("select pg_reload_conf()"), (defaults{{"", ""}}));
}

TEST(ClassifyDefaults, OthersChangeNone) {
    for (const auto* text :
         {"alter role app password 'x'", "alter database shop owner to app", "set work_mem = '1MB'",
          "create role app", "alter role app rename to b", "alter system set work_mem = '1MB'",
          "select 1"})
        EXPECT_EQ(changed_by(text), defaults{}) << text;
}

} // namespace pgweir::sql
