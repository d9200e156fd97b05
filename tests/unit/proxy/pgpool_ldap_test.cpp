// PGPOOL_ENABLE_LDAP and LDAP_*: the rules that they make.
#include "proxy/config/load.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace pgweir {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

settings_sources with(environment_variables more) {
    more.insert(more.begin(),
                {{"PGPOOL_BACKEND_NODES", "0:pg-0,"}, {"PGPOOL_POSTGRES_PASSWORD", "pw"}});
    return {.config_file = {}, .assignments = {}, .environment = std::move(more)};
}

settings values(environment_variables more) {
    return load_settings(with(std::move(more))).values;
}

std::string failure(environment_variables more) {
    try {
        static_cast<void>(load_settings(with(std::move(more))));
    } catch (const settings_error& error) {
        return error.what();
    }
    return "no error";
}

} // namespace

TEST(PgpoolLdap, AsksTheDirectoryForAllButTheSuperuser) {
    const auto all = values({{"PGPOOL_ENABLE_LDAP", "yes"},
                             {"LDAP_URI", "ldaps://ldap.example.org:1636 ldaps://other/"},
                             {"LDAP_BASE", "dc=example,dc=org"},
                             {"LDAP_BIND_DN", "cn=admin,dc=example,dc=org"},
                             {"LDAP_BIND_PASSWORD", "hush"},
                             {"LDAP_SEARCH_FILTER", "posixAccount"},
                             {"LDAP_SEARCH_MAP", "mail"},
                             {"LDAP_TLS_REQCERT", "hard"},
                             {"LDAP_SCOPE", "one"}});
    const std::string ldap = " ldap ldapurl=\"ldaps://any/dc=example,dc=org??one?"
                             "(&(objectClass=posixAccount)(mail=$username))\" "
                             "ldapserver=\"ldap.example.org:1636 other\" "
                             "ldapbinddn=\"cn=admin,dc=example,dc=org\"";
    EXPECT_THAT(all.hba_rules, ElementsAre("local all \"postgres\" scram-sha-256",
                                           "host all \"postgres\" all scram-sha-256",
                                           "local all,replication all" + ldap,
                                           "host all,replication all all" + ldap));
    EXPECT_EQ(all.ldap_bind_password, secret{"hush"});
    EXPECT_EQ(all.ldap_tls_reqcert, ldap_certificates::demand);
}

TEST(PgpoolLdap, WhatIsNotSaidIsAsInTheImage) {
    const auto all = values({{"PGPOOL_ENABLE_LDAP", "yes"},
                             {"LDAP_URI", "ldap://x"},
                             {"LDAP_BASE", "o=a?b c"},
                             {"LDAP_TLS_REQCERT", "never"}});
    EXPECT_THAT(all.hba_rules.back(),
                HasSubstr(" ldap ldapurl=\"ldap://any/o=a%3Fb%20c??sub?(uid=$username)\" "
                          "ldapserver=\"x\""));
    EXPECT_EQ(all.ldap_tls_reqcert, ldap_certificates::never);
    EXPECT_EQ(values({{"LDAP_URI", "ldap://a"}, {"LDAP_BASE", "x"}}), values({}))
        << "others may use these names";
}

TEST(PgpoolLdap, RulesOfOnesOwnHoldInItsPlace) {
    for (const auto& [name, value] : environment_variables{{"PGPOOL_USER_HBA_FILE", "/dev/null"},
                                                           {"PGPOOL_ENABLE_POOL_HBA", "no"}}) {
        const auto loaded = load_settings(with({{"PGPOOL_ENABLE_LDAP", "yes"},
                                                {"LDAP_URI", "ldap://x"},
                                                {"LDAP_BASE", "dc=x"},
                                                {name, value}}));
        EXPECT_THAT(loaded.values.hba_rules, testing::IsEmpty());
        EXPECT_THAT(loaded.messages,
                    testing::Contains(testing::ResultOf(
                        [](const auto& one) { return to_string(one); },
                        testing::AllOf(HasSubstr("PGPOOL_ENABLE_LDAP"), HasSubstr(name),
                                       HasSubstr("has no effect")))));
    }
}

TEST(PgpoolLdap, NeedsAServerAndABase) {
    const auto with_ldap = [](environment_variables more) {
        more.emplace_back("PGPOOL_ENABLE_LDAP", "yes");
        return failure(std::move(more));
    };
    EXPECT_THAT(with_ldap({{"LDAP_BASE", "dc=x"}}), HasSubstr("needs LDAP_URI and LDAP_BASE"));
    for (const char* const uri : {"host", "ldapi://x", "ldap://", "ldap://a ldaps://b"})
        EXPECT_THAT(with_ldap({{"LDAP_URI", uri}, {"LDAP_BASE", "x"}}),
                    HasSubstr("LDAP_URI: must be"))
            << uri;
    EXPECT_THAT(with_ldap({{"LDAP_URI", "ldap://a"}, {"LDAP_BASE", "x"}, {"LDAP_SCOPE", "deep"}}),
                HasSubstr("LDAP_SCOPE: must be"));
}

} // namespace pgweir
