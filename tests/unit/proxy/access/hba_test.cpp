#include "proxy/access/hba.hpp"
#include "tests/unit/proxy/access/hba_text.hpp"

#include <gmock/gmock.h>

namespace pgweir {
namespace {

using ::testing::HasSubstr;
using kind = hba_choice::kind;

hba_rules rules_of(std::string_view text) {
    const auto tokens = read_hba_text(text, "hba", files_of({}));
    std::vector<hba_problem> problems;
    auto rules = parse_hba(tokens.lines, login_method::md5, problems);
    for (const auto& one : problems)
        ADD_FAILURE() << one.text();
    return rules;
}

/// What is wrong with one line.
std::string problem(std::string_view line) {
    const auto tokens = read_hba_text(line, "hba", files_of({}));
    std::vector<hba_problem> problems;
    const auto rules = parse_hba(tokens.lines, login_method::md5, problems);
    EXPECT_TRUE(rules.rules.empty()) << line;
    return problems.size() == 1 ? problems[0].text()
                                : std::to_string(problems.size()) + " problems";
}

hba_client tcp(std::string_view address,
               std::string_view database = "app",
               std::string_view user = "ann",
               bool tls = false) {
    hba_client client;
    client.address = parse_host_address(address).value();
    client.database = database;
    client.user = user;
    client.tls = tls;
    return client;
}

hba_client unix_socket(std::string_view database = "app", std::string_view user = "ann") {
    hba_client client;
    client.local = true;
    client.database = database;
    client.user = user;
    return client;
}

/// The line of the rule that is chosen; 0 if none fits; -1 if something must be asked first.
int line(const hba_rules& rules, const hba_client& client, const hba_knowledge& known = {}) {
    const auto choice = choose_rule(rules, client, known);
    if (choice.what == kind::rule) return static_cast<int>(choice.rule->line);
    return choice.what == kind::none ? 0 : -1;
}

TEST(Hba, TheFirstRuleThatFitsDecidesAndNoneMeansNo) {
    const auto rules = rules_of("host app ann 10.0.0.0/8 reject\n"
                                "host app ann all scram-sha-256\n"
                                "local all all trust\n");
    EXPECT_EQ(line(rules, tcp("10.1.1.1")), 1);
    EXPECT_EQ(line(rules, tcp("11.1.1.1")), 2);
    EXPECT_EQ(line(rules, tcp("11.1.1.1", "other")), 0);
    EXPECT_EQ(line(rules, tcp("11.1.1.1", "app", "bob")), 0);
    EXPECT_EQ(line(rules, unix_socket("x", "y")), 3);
    EXPECT_EQ(rules.rules[0].method, login_method::reject);
    EXPECT_EQ(rules.rules[1].place(), "hba:2");
    EXPECT_EQ(line(hba_rules{}, unix_socket()), 0);
}

TEST(Hba, TypesTellHowAClientHasCome) {
    const auto plain = tcp("1.1.1.1");
    const auto secure = tcp("1.1.1.1", "app", "ann", true);
    const auto fits = [](std::string_view type, const hba_client& client) {
        const auto address = type == "local" ? "" : " all";
        const auto rules = rules_of(std::string{type} + " all all" + address + " trust");
        return choose_rule(rules, client, {}).what == kind::rule;
    };
    EXPECT_TRUE(fits("local", unix_socket()) && !fits("local", plain) && !fits("local", secure));
    EXPECT_TRUE(!fits("host", unix_socket()) && fits("host", plain) && fits("host", secure));
    EXPECT_TRUE(!fits("hostssl", unix_socket()) && !fits("hostssl", plain) &&
                fits("hostssl", secure));
    EXPECT_TRUE(!fits("hostnossl", unix_socket()) && fits("hostnossl", plain) &&
                !fits("hostnossl", secure));
    EXPECT_TRUE(!fits("hostgssenc", plain) && !fits("hostgssenc", secure));
    EXPECT_TRUE(fits("hostnogssenc", plain) && fits("hostnogssenc", secure) &&
                !fits("hostnogssenc", unix_socket()));
}

TEST(Hba, NamesAreListsWordsAndPatterns) {
    EXPECT_EQ(line(rules_of("local a,b,c all trust"), unix_socket("b")), 1);
    EXPECT_EQ(line(rules_of("local a,b,c all trust"), unix_socket("d")), 0);
    EXPECT_EQ(line(rules_of("local \"all\" all trust"), unix_socket("app")), 0);
    EXPECT_EQ(line(rules_of("local \"all\" all trust"), unix_socket("all")), 1);
    EXPECT_EQ(line(rules_of("local sameuser all trust"), unix_socket("ann", "ann")), 1);
    EXPECT_EQ(line(rules_of("local sameuser all trust"), unix_socket("sameuser", "ann")), 0);
    EXPECT_EQ(line(rules_of("local /^db\\d+$ all trust"), unix_socket("db7")), 1);
    EXPECT_EQ(line(rules_of("local \"/^db[0-9]{1,2}$\" all trust"), unix_socket("db777")), 0);
    EXPECT_EQ(line(rules_of("local all \"/^svc_,|^x\" trust"), unix_socket("d", "xy")), 1);
    EXPECT_EQ(line(rules_of("local all Ann trust"), unix_socket("d", "ann")), 0);
    EXPECT_EQ(line(rules_of("local all \"+dba\" trust"), unix_socket("d", "+dba")), 1);
}

TEST(Hba, APlusSignAloneNamesNobody) {
    const auto rules = rules_of("local all + trust\nlocal all ann md5\n");
    EXPECT_FALSE(rules.asks_roles);
    EXPECT_EQ(line(rules, unix_socket()), 2);
}

TEST(Hba, NamesAreCutOffAsPostgresqlDoesIt) {
    const std::string seen(63, 'x');
    EXPECT_EQ(line(rules_of("local all " + seen + " reject\nlocal all all trust"),
                   unix_socket("d", seen + "y")),
              1);
    EXPECT_EQ(line(rules_of("local all /^x{63}$ reject\nlocal all all trust"),
                   unix_socket("d", std::string{seen + "yyy"})),
              1);
    EXPECT_EQ(line(rules_of("local " + seen + " all reject\nlocal all all trust"),
                   unix_socket(seen + "z", "ann")),
              1);
}

TEST(Hba, OnlyItsOwnWordMeansPhysicalReplication) {
    const auto rules = rules_of("local all all trust\nlocal replication ann md5\n");
    auto client = unix_socket("", "ann");
    client.physical_replication = true;
    EXPECT_EQ(line(rules, client), 2);
    client.user = "bob";
    EXPECT_EQ(line(rules, client), 0);
    EXPECT_EQ(line(rules, unix_socket("replication", "ann")), 1);
    EXPECT_EQ(line(rules_of("local replication all trust"), unix_socket("replication")), 0);
}

TEST(Hba, RolesAreAskedForOnlyWhereTheyDecide) {
    const auto rules =
        rules_of("host app +dba 10.0.0.0/8 md5\nhost samerole all all scram-sha-256\n");
    EXPECT_TRUE(rules.asks_roles);
    const auto outside = choose_rule(rules, tcp("11.0.0.1"), {});
    EXPECT_EQ(outside.what, kind::needs_roles) << "samerole may fit";
    EXPECT_EQ(line(rules_of("host app +dba 10.0.0.0/8 md5\n"), tcp("11.0.0.1")), 0);
    EXPECT_EQ(line(rules_of("host app ann,+dba 10.0.0.0/8 md5\n"), tcp("10.0.0.1")), 1);
    hba_knowledge known;
    const role_names dba{"ann", "dba"};
    known.roles = &dba;
    EXPECT_EQ(line(rules, tcp("10.0.0.1"), known), 1);
    EXPECT_EQ(line(rules, tcp("11.0.0.1", "dba"), known), 2);
    EXPECT_EQ(line(rules, tcp("11.0.0.1", "ann"), known), 2) << "everybody is a member of himself";
    const role_names nobody;
    known.roles = &nobody;
    EXPECT_EQ(line(rules, tcp("10.0.0.1"), known), 0);
    EXPECT_FALSE(rules_of("host all ann all md5").asks_roles);
}

TEST(Hba, HostNamesAreAskedForOnlyWhereTheyDecide) {
    const auto rules =
        rules_of("host app ann db.example.com reject\nhost all all .example.com md5\n"
                 "host all bob all trust\n");
    EXPECT_EQ(line(rules, tcp("10.0.0.1", "app", "bob")), -1);
    EXPECT_EQ(choose_rule(rules, tcp("10.0.0.1"), {}).what, kind::needs_host_name);
    hba_knowledge known;
    known.host = host_name_answer{true, "DB.example.com"};
    EXPECT_EQ(line(rules, tcp("10.0.0.1"), known), 1);
    EXPECT_EQ(line(rules, tcp("10.0.0.1", "app", "bob"), known), 2);
    known.host = host_name_answer{true, ""};
    EXPECT_EQ(line(rules, tcp("10.0.0.1"), known), 0);
    EXPECT_EQ(line(rules, tcp("10.0.0.1", "app", "bob"), known), 3);
}

TEST(Hba, ANameServiceThatFailsLetsNobodyInByIt) {
    const auto rules =
        rules_of("host app ann bad.example.com reject\nhost all bob .example.com trust\n"
                 "host all all all md5\n");
    hba_knowledge known;
    known.host = host_name_answer{false, ""};
    EXPECT_EQ(line(rules, tcp("10.0.0.1"), known), 1) << "he may be whom the rule keeps out";
    EXPECT_EQ(line(rules, tcp("10.0.0.1", "app", "bob"), known), 3);
}

TEST(Hba, OwnNetworksAreToldFromOutside) {
    const auto rules = rules_of("host all all samehost trust\nhost all all samenet md5\n"
                                "host all all \"samenet\" reject\n");
    EXPECT_TRUE(rules.asks_own_networks);
    const std::vector<host_network> own{*network_of(*parse_host_address("10.0.0.1"), 24)};
    hba_knowledge known;
    known.own_networks = own;
    EXPECT_EQ(line(rules, tcp("10.0.0.1"), known), 1);
    EXPECT_EQ(line(rules, tcp("10.0.0.2"), known), 2);
    EXPECT_EQ(line(rules_of("host all all 10.0.0.1 255.255.255.0 md5"), tcp("10.0.0.9")), 1);
}

TEST(Hba, OptionsBelongToTheirMethods) {
    const auto rules =
        rules_of("hostssl all all all cert map=m clientname=DN\n"
                 "hostssl all all all scram-sha-256 clientcert=verify-ca\n"
                 "hostssl all all all md5 clientcert=verify-full map=m2\n"
                 "local all all peer map=\"a map\"\nlocal all all ident\n"
                 "host all all all pam pamservice=pgpool pam_use_hostname=1\n"
                 "host all all all ldap ldapserver=ldap.example.com \"ldapprefix=uid=\"\n");
    ASSERT_EQ(rules.rules.size(), 7U);
    const auto& cert = rules.rules[0];
    EXPECT_TRUE(cert.map == "m" && cert.by_distinguished_name);
    EXPECT_EQ(cert.certificate, certificate_demand::verify_full);
    EXPECT_EQ(rules.rules[1].certificate, certificate_demand::verify_ca);
    EXPECT_EQ(rules.rules[2].map, "m2");
    EXPECT_EQ(rules.rules[3].map, "a map") << "quotes may stand around a part of a word";
    EXPECT_EQ(rules.rules[4].method, login_method::peer);
    EXPECT_EQ(rules.rules[5].pam_service, "pgpool");
    EXPECT_TRUE(rules.rules[5].pam_uses_host_name);
    ASSERT_TRUE(rules.rules[6].ldap);
    EXPECT_EQ(rules.rules[6].ldap->prefix, "uid=");
}

TEST(Hba, AuthMethodStandsForTheSetting) {
    EXPECT_EQ(rules_of("local all all auth_method").rules.at(0).method, login_method::md5);
}

TEST(Hba, WhatIsWrongIsToldWithItsLine) {
    EXPECT_EQ(problem("\n\nhosts all all all md5"), "hba:3: \"hosts\" is no connection type");
    EXPECT_EQ(problem("local,host all all md5"), "hba:1: has more than one connection type");
    EXPECT_EQ(problem("local"), "hba:1: ends before its database");
    EXPECT_EQ(problem("local all"), "hba:1: ends before its role");
    EXPECT_EQ(problem("local all all"), "hba:1: ends before its authentication method");
    EXPECT_EQ(problem("host all all"), "hba:1: ends before its IP address");
    EXPECT_EQ(problem("host all all 10.0.0.1,10.0.0.2 md5"), "hba:1: has more than one IP address");
    EXPECT_THAT(problem("host all all 10.0.0.1"), HasSubstr("ends before its mask"));
    EXPECT_THAT(problem("host all all 10.0.0.1 md5"), HasSubstr("invalid IP mask \"md5\""));
    EXPECT_THAT(problem("host all all 10.0.0.0/33 md5"), HasSubstr("invalid CIDR mask"));
    EXPECT_EQ(problem("local all all MD5"), "hba:1: \"MD5\" is no authentication method");
    for (const auto* const method : {"gss", "sspi", "radius", "bsd", "ident", "oauth"})
        EXPECT_THAT(problem("host all all all " + std::string{method}),
                    HasSubstr("is not provided by pgweir; use scram-sha-256"));
    EXPECT_THAT(problem("host all all all peer"), HasSubstr("method peer is only for local lines"));
    EXPECT_THAT(problem("host all all all cert"), HasSubstr("only for hostssl lines"));
    EXPECT_THAT(problem("local all /( md5"), HasSubstr("the regular expression \"(\" cannot"));
    EXPECT_THAT(problem("local all all md5 map"),
                HasSubstr("\"map\" is not of the form name=value"));
    EXPECT_THAT(problem("local all all md5 mop=x"), HasSubstr("there is no option \"mop\""));
    EXPECT_THAT(problem("local all all md5 map=x"), HasSubstr("only for methods peer and cert"));
    EXPECT_THAT(problem("host all all all md5 clientcert=verify-ca"), HasSubstr("hostssl lines"));
    EXPECT_THAT(problem("hostssl all all all md5 clientcert=1"), HasSubstr("must be verify-ca or"));
    EXPECT_THAT(problem("hostssl all all all cert clientcert=verify-ca"), HasSubstr("verify-full"));
    EXPECT_THAT(problem("hostssl all all all cert clientname=O"), HasSubstr("must be CN or DN"));
    EXPECT_THAT(problem("host all all all md5 pamservice=x"), HasSubstr("only for method pam"));
    EXPECT_THAT(problem("host all all all pam ldapserver=x"), HasSubstr("only for method ldap"));
    EXPECT_THAT(problem("host all all all ldap"), HasSubstr("hba:1: "));
}

} // namespace
} // namespace pgweir
