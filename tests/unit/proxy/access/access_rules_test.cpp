#include "proxy/access/access_rules.hpp"
#include "tests/unit/proxy/access/hba_text.hpp"

#include <gmock/gmock.h>

#include <stdexcept>

namespace pgweir {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string problem(const settings& values, const hba_files& files) {
    try {
        static_cast<void>(load_access_rules(values, files));
    } catch (const std::runtime_error& e) {
        return e.what();
    }
    return {};
}

login_method method_for(const access_rules& rules, const hba_client& client) {
    const auto choice = choose_rule(rules.hba, client, {});
    EXPECT_EQ(choice.what, hba_choice::kind::rule);
    return choice.rule == nullptr ? login_method::reject : choice.rule->method;
}

TEST(AccessRules, WithoutRulesAuthMethodHoldsForEverybody) {
    settings values;
    values.auth_method = auth_method::md5;
    const auto rules = load_access_rules(values, files_of({}));
    EXPECT_FALSE(rules->from_file);
    hba_client client;
    client.local = true;
    EXPECT_EQ(method_for(*rules, client), login_method::md5);
    client.local = false;
    client.address = *parse_host_address("fd00::1");
    client.tls = true;
    EXPECT_EQ(method_for(*rules, client), login_method::md5);
    client.physical_replication = true;
    EXPECT_EQ(method_for(*rules, client), login_method::md5);
}

TEST(AccessRules, WithoutAnySettingEverybodyIsAskedForAProof) {
    const auto rules = load_access_rules(settings{}, files_of({}));
    for (const bool local : {true, false}) {
        hba_client client;
        client.local = local;
        EXPECT_EQ(method_for(*rules, client), login_method::scram_sha_256);
    }
}

TEST(AccessRules, LinesOfTheSettingStandAheadOfTheFiles) {
    settings values;
    values.hba_rules = {"local app all reject"};
    values.hba_file = "/hba";
    const auto rules =
        load_access_rules(values, files_of({{"/hba", "local all all scram-sha-256\n"}}));
    ASSERT_EQ(rules->hba.rules.size(), 2U);
    EXPECT_EQ(rules->hba.rules[0].place(), "hba_rules:1");
    EXPECT_EQ(rules->hba.rules[1].place(), "/hba:1");
    EXPECT_THAT(rules->warnings, IsEmpty());
}

TEST(AccessRules, EveryMistakeOfBothFilesIsTold) {
    settings values;
    values.hba_file = "/hba";
    values.ident_file = "/ident";
    EXPECT_EQ(problem(values, files_of({{"/hba", "local all all trust\nlocal x\nhost\n"},
                                        {"/ident", "m"}})),
              "/hba:2: ends before its role\n/hba:3: ends before its database\n"
              "/ident:1: must have three fields: map, system user name, database user name");
    EXPECT_THAT(problem(values, files_of({{"/ident", ""}})),
                HasSubstr("/hba: cannot read \"/hba\": No such file"));
    EXPECT_THAT(problem(values, files_of({{"/hba", "# nothing"}, {"/ident", ""}})),
                HasSubstr("/hba: has no rule, so nobody could log in"));
}

TEST(AccessRules, WhatOtherSettingsMustGiveIsAskedFor) {
    settings values;
    values.hba_rules = {"local all +dba md5"};
    EXPECT_THAT(problem(values, files_of({})), HasSubstr("auth_user, which is not set"));
    values.auth_user = "lookup";
    EXPECT_EQ(problem(values, files_of({})), "");
    values.hba_rules = {"hostssl all all all cert"};
    values.client_tls_sslmode = tls_mode::prefer;
    EXPECT_THAT(problem(values, files_of({})), HasSubstr("client_tls_ca_file"));
    values.client_tls_ca_file = "ca.crt";
    EXPECT_EQ(problem(values, files_of({})), "");
}

TEST(AccessRules, SurprisesAreWarnings) {
    settings values;
    values.hba_rules = {"hostssl all all all md5", "hostgssenc all all all md5",
                        "local all all trust", "local all all peer map=m"};
    const auto rules = load_access_rules(values, files_of({}));
    EXPECT_THAT(
        rules->warnings,
        ElementsAre(HasSubstr("hba_rules:1: fits nobody, because client_tls_sslmode"),
                    HasSubstr("hba_rules:2: fits nobody, because there is no encryption"),
                    HasSubstr("hba_rules:3: trusts whoever"),
                    HasSubstr("hba_rules:4: lets nobody in, because ident_file has no map")));
}

TEST(AccessRules, WhatPostgresqlTakesWithoutAWordIsAWarning) {
    settings values;
    values.hba_rules = {"local all all \"md5", "host all all 10.0.0.300 md5"};
    values.ident_file = "/ident";
    const auto rules = load_access_rules(
        values, files_of({{"/ident", "m ann app and more\nm /^a$ \\1\nm abe app"}}));
    EXPECT_EQ(rules->hba.rules.size(), 2U);
    EXPECT_THAT(rules->warnings,
                ElementsAre(HasSubstr("hba_rules:1: has a quotation mark without its other half"),
                            HasSubstr("/ident:1: has more than three fields"),
                            HasSubstr("/ident:2: \"/^a$\" has no parentheses for the \\1"),
                            HasSubstr("hba_rules:2: fits nobody, because \"10.0.0.300\"")));
    EXPECT_EQ(may_be(rules->maps, "m", "ann", "app", nullptr), name_match::yes);
    values.hba_rules = {"local all all \"trust x"};
    EXPECT_NE(problem(values, files_of({{"/ident", ""}})), "");
}

} // namespace
} // namespace pgweir
