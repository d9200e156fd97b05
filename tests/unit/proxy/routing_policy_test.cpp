#include "proxy/router/routing_policy.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pgweir {

namespace {

routing_policy compiled(const routing_policy_text& text) {
    auto policy = routing_policy::compile(text);
    EXPECT_TRUE(policy) << policy.error().list << " " << policy.error().entry << " "
                        << policy.error().why;
    return *std::move(policy);
}

policy_error refused(const routing_policy_text& text) {
    auto policy = routing_policy::compile(text);
    EXPECT_FALSE(policy);
    return policy ? policy_error{} : policy.error();
}

} // namespace

TEST(RoutingPolicy, FunctionPatternsMatchWholeNamesInAnyCase) {
    routing_policy_text text;
    text.read_only_functions = {"get_.*", "report"};
    text.write_functions = {"set_.*|audit", "app\\.log"};
    const routing_policy policy = compiled(text);
    EXPECT_TRUE(policy.judges_functions());
    EXPECT_TRUE(policy.is_reading_function("get_name"));
    EXPECT_TRUE(policy.is_reading_function("Report"));
    EXPECT_FALSE(policy.is_reading_function("reporting"));
    EXPECT_FALSE(policy.is_reading_function("forget_it"));
    EXPECT_TRUE(policy.is_writing_function("audit"));
    EXPECT_TRUE(policy.is_writing_function("app.log"));
    EXPECT_FALSE(policy.is_writing_function("audited"));
    EXPECT_FALSE(policy.is_writing_function("my_set_x"));
}

TEST(RoutingPolicy, AnEmptyPolicyJudgesNothing) {
    const routing_policy policy = compiled({});
    EXPECT_FALSE(policy.judges_functions());
    EXPECT_FALSE(policy.judges_queries());
    EXPECT_FALSE(policy.is_reading_function("f"));
    EXPECT_FALSE(policy.is_writing_function("f"));
    EXPECT_FALSE(policy.is_primary_query("select 1"));
    EXPECT_FALSE(policy.preference("d", "u", "a"));
}

TEST(RoutingPolicy, QueryPatternsAreFoundAnywhereUnlessAnchored) {
    routing_policy_text text;
    text.primary_queries = {"from +t1\\b", "^call me;$"};
    const routing_policy policy = compiled(text);
    EXPECT_TRUE(policy.judges_queries());
    EXPECT_TRUE(policy.is_primary_query("SELECT * FROM  t1 WHERE a = 1"));
    EXPECT_FALSE(policy.is_primary_query("select * from t10"));
    EXPECT_TRUE(policy.is_primary_query("CALL me;"));
    EXPECT_FALSE(policy.is_primary_query("  call me;"));
}

TEST(RoutingPolicy, ALongTextIsNoDanger) {
    routing_policy_text text;
    text.primary_queries = {"(a|b)*c.*d"};
    const routing_policy policy = compiled(text);
    const std::string query = "select '" + std::string(1'000'000, 'x') + "'";
    EXPECT_FALSE(policy.is_primary_query(query));
}

TEST(RoutingPolicy, TheApplicationsPreferenceWinsOverTheDatabasesOverTheUsers) {
    routing_policy_text text;
    text.users = {{"u1", "3", 1.0}};
    text.databases = {{"post.*", "primary", 1.0}, {"postgres", "standby", 1.0}};
    text.applications = {{"psql", "1", 0.5}};
    const routing_policy policy = compiled(text);
    EXPECT_EQ(policy.preference("postgres", "u1", "psql"),
              (redirect{redirect_target::node, 1, 0.5}));
    EXPECT_EQ(policy.preference("postgres", "u1", "app"),
              (redirect{redirect_target::primary, 0, 1.0}));
    EXPECT_EQ(policy.preference("other", "u1", "app"), (redirect{redirect_target::node, 3, 1.0}));
    EXPECT_FALSE(policy.preference("other", "u12", "app"));
}

TEST(RoutingPolicy, SaysWhichEntryIsWrongAndWhy) {
    routing_policy_text functions;
    functions.read_only_functions = {"fine", "("};
    EXPECT_EQ(refused(functions).list, "read_only_function_list");
    EXPECT_EQ(refused(functions).entry, "(");
    EXPECT_FALSE(refused(functions).why.empty());

    routing_policy_text queries;
    queries.primary_queries = {"a{2,1}"};
    EXPECT_EQ(refused(queries).list, "primary_routing_query_pattern_list");

    routing_policy_text target;
    target.users = {{"u", "replica", 1.0}};
    EXPECT_EQ(refused(target).list, "user_redirect_preference_list");
    EXPECT_EQ(refused(target).entry, "u:replica");
    target.users = {{"u", "70000", 1.0}};
    EXPECT_EQ(refused(target).entry, "u:70000");
    target.users = {{"u", "", 1.0}};
    EXPECT_EQ(refused(target).entry, "u:");

    routing_policy_text ratio;
    ratio.databases = {{"d", "primary", 1.5}};
    EXPECT_EQ(refused(ratio).list, "database_redirect_preference_list");
    EXPECT_NE(refused(ratio).why.find("0 to 1"), std::string::npos);
}

TEST(RoutingPolicy, PatternListsAreSplitAtSemicolons) {
    using list = std::vector<std::string>;
    EXPECT_EQ(split_patterns(""), list{});
    EXPECT_EQ(split_patterns("a;b"), (list{"a", "b"}));
    EXPECT_EQ(split_patterns(";a;;b;"), (list{"a", "b"}));
    EXPECT_EQ(split_patterns(R"(SELECT \* FROM t1\;;x\.y)"),
              (list{R"(SELECT \* FROM t1;)", R"(x\.y)"}));
    EXPECT_EQ(split_patterns(R"(a\)"), (list{R"(a\)"}));
    EXPECT_EQ(split_patterns(R"(a\\;b)"), (list{R"(a\\)", "b"}));
}

} // namespace pgweir
