#include "proxy/access/ldap_rule.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

using namespace pgweir;
using testing::ElementsAre;

namespace {

using options = std::vector<rule_option>;

ldap_rule rule(const options& given) {
    auto made = make_ldap_rule(given);
    EXPECT_TRUE(made) << made.error();
    return made ? *made : ldap_rule{};
}

std::string refusal(const options& given) {
    const auto made = make_ldap_rule(given);
    return made ? "" : made.error();
}

} // namespace

TEST(LdapRule, SimpleBind) {
    const auto made = rule({{"ldapserver", "ldap.example.net"},
                            {"ldapprefix", "cn="},
                            {"ldapsuffix", ", dc=example, dc=net"}});
    EXPECT_THAT(made.uris, ElementsAre("ldap://ldap.example.net:389"));
    EXPECT_FALSE(made.searches());
    EXPECT_FALSE(made.start_tls);
    EXPECT_EQ(made.prefix, "cn=");
    EXPECT_EQ(made.suffix, ", dc=example, dc=net");
}

TEST(LdapRule, SearchAndBindFindsUidUnlessToldOtherwise) {
    const options least{{"ldapserver", "x"}, {"ldapbasedn", "dc=net"}};
    EXPECT_EQ(rule(least).filter, "(uid=$username)");
    EXPECT_EQ(rule(least).scope, ldap_scope::subtree);
    EXPECT_TRUE(rule(least).searches());
    auto by_attribute = least;
    by_attribute.emplace_back("ldapsearchattribute", "mail");
    EXPECT_EQ(rule(by_attribute).filter, "(mail=$username)");
    auto by_filter = least;
    by_filter.emplace_back("ldapsearchfilter", "(|(uid=$username)(mail=$username))");
    by_filter.emplace_back("ldapbinddn", "cn=reader");
    by_filter.emplace_back("ldapbindpasswd", "hush");
    const auto made = rule(by_filter);
    EXPECT_EQ(ldap_filter_for(made, "ann"), "(|(uid=ann)(mail=ann))");
    EXPECT_EQ(made.bind_dn, "cn=reader");
    EXPECT_EQ(made.bind_password, secret{"hush"});
}

TEST(LdapRule, ServersSchemeAndPort) {
    const auto uris = [](options more) {
        more.emplace_back("ldapprefix", "");
        return rule(more).uris;
    };
    EXPECT_THAT(uris({{"ldapserver", "a b:390  [::1] [::2]:391 ::3"}}),
                ElementsAre("ldap://a:389", "ldap://b:390", "ldap://[::1]:389", "ldap://[::2]:391",
                            "ldap://[::3]:389"));
    EXPECT_THAT(uris({{"ldapserver", "a"}, {"ldapscheme", "ldaps"}}), ElementsAre("ldaps://a:636"));
    EXPECT_THAT(uris({{"ldapserver", "a"}, {"ldapport", "1389"}}), ElementsAre("ldap://a:1389"));
    EXPECT_TRUE(rule({{"ldapserver", "a"}, {"ldaptls", "1"}, {"ldapprefix", ""}}).start_tls);
}

TEST(LdapRule, Url) {
    const auto made =
        rule({{"ldapurl", "ldaps://ldap.example.net:1636/dc=example,dc=net?mail?sub"}});
    EXPECT_THAT(made.uris, ElementsAre("ldaps://ldap.example.net:1636"));
    EXPECT_EQ(made.base_dn, "dc=example,dc=net");
    EXPECT_EQ(made.filter, "(mail=$username)");
    EXPECT_EQ(made.scope, ldap_scope::subtree);
    const auto other = rule({{"ldapurl", "ldap://[::1]/ou=a%20b??one?(cn=$username)"}});
    EXPECT_THAT(other.uris, ElementsAre("ldap://[::1]:389"));
    EXPECT_EQ(other.base_dn, "ou=a b");
    EXPECT_EQ(other.filter, "(cn=$username)");
    EXPECT_EQ(other.scope, ldap_scope::one);
    EXPECT_EQ(rule({{"ldapurl", "ldap://a/dc=x"}}).scope, ldap_scope::base) << "RFC 4516";
}

TEST(LdapRule, SaysWhatIsWrong) {
    const std::vector<std::pair<options, std::string>> cases{
        {{}, "ldap needs ldapserver, or an ldapurl with a host"},
        {{{"ldapserver", "a"}}, "ldap needs ldapbasedn, ldapprefix or ldapsuffix"},
        {{{"ldapserver", "a"}, {"ldapport", "0"}}, "ldapport must be a port, 1 to 65535"},
        {{{"ldapserver", "a"}, {"ldapport", "70000"}}, "ldapport must be a port, 1 to 65535"},
        {{{"ldapserver", "a"}, {"ldaptls", "yes"}}, "ldaptls must be 0 or 1"},
        {{{"ldapserver", "a"}, {"ldapscheme", "http"}, {"ldapprefix", ""}},
         "the scheme of LDAP must be ldap or ldaps"},
        {{{"ldapserver", "a"}, {"ldapscheme", "ldaps"}, {"ldaptls", "1"}, {"ldapprefix", ""}},
         "ldaptls (StartTLS) and ldaps do not go together"},
        {{{"ldapserver", "a"},
          {"ldapbasedn", "dc=x"},
          {"ldapsearchattribute", "x"},
          {"ldapsearchfilter", "y"}},
         "ldapsearchattribute and ldapsearchfilter do not go together"},
        {{{"ldapurl", "ldap.example.net"}}, "ldapurl must begin with ldap:// or ldaps://"},
        {{{"ldapurl", "ldapi://x/dc=y"}}, "the scheme of LDAP must be ldap or ldaps"},
        {{{"ldapurl", "ldap:///dc=x"}}, "ldap needs ldapserver, or an ldapurl with a host"},
        {{{"ldapurl", "ldap://x:y/dc=x"}}, "ldapurl has a port that is none"},
        {{{"ldapurl", "ldap://x/dc=x??deep"}}, "ldapurl has a scope other than base, one and sub"},
        {{{"ldapurl", "ldap://x/dc=%"}}, "ldapurl has a % that is not followed by two digits"},
        {{{"ldapurl", "ldap://x/dc=x???"
                      "?!e"}},
         "ldapurl has extensions, and none are known"},
        {{{"ldapmagic", "1"}}, "ldapmagic is no option of ldap"},
    };
    for (const auto& [given, said] : cases)
        EXPECT_EQ(refusal(given), said);
    EXPECT_NE(refusal({{"ldapserver", "a"}, {"ldapprefix", "x"}, {"ldapbasedn", "y"}}), "");
}

TEST(LdapRule, AUsersNameCannotChangeTheFilter) {
    const auto made = rule({{"ldapserver", "a"}, {"ldapbasedn", "dc=x"}});
    EXPECT_EQ(ldap_filter_for(made, "ann)(uid=*"), "(uid=ann\\29\\28uid=\\2a)");
    EXPECT_EQ(escape_for_ldap_filter(std::string{"a\\b\0ä", 6}), "a\\5cb\\00\\c3\\a4");
    EXPECT_EQ(ldap_filter_for(made, "$username"), "(uid=$username)") << "and is put in only once";
}

TEST(LdapRule, KnowsItsOptions) {
    EXPECT_TRUE(is_ldap_option("ldapurl"));
    EXPECT_TRUE(is_ldap_option("ldapbindpasswd"));
    EXPECT_FALSE(is_ldap_option("ldap"));
    EXPECT_FALSE(is_ldap_option("map"));
}
