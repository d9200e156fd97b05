#include "tests/integration/hba_lines.hpp"

#include <algorithm>

namespace pgweir::test {

namespace {

using words = std::vector<std::string>;

const words types{"local", "host", "host", "host", "hostssl", "hostnossl", "hostnogssenc"};
const words databases{"all",      "all",         "all",  "app",          "postgres",
                      "team",     "sameuser",    "app",  "samerole",     "samegroup",
                      "\"all\"",  "replication", "@dbs", "\"Odd Db\"",   "\"replication\"",
                      "\"team\"", "App",         "nodb", "\"sameuser\"", "o\"dd D\"b"};
const words users{
    "all",         "all",       "all",     "app",          "other",        "+team",  "+inner_team",
    "+pg_monitor", "\"+team\"", "\"all\"", "weir_monitor", "\"Odd User\"", "@users", "nobody_here",
    "+nothing",    "App",       "+",       "+\"team\"",    "app_trust",    "\"\""};
const words addresses{"all",
                      "all",
                      "all",
                      "samehost",
                      "samenet",
                      "127.0.0.1/32",
                      "127.0.0.0/8",
                      "127.0.0.2/32",
                      "0.0.0.0/0",
                      "::1/128",
                      "::/0",
                      "127.0.0.1 255.255.255.255",
                      "127.0.0.0  255.0.0.0",
                      "0.0.0.2 0.0.0.2",
                      "0.0.0.1 0.0.0.3",
                      "::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
                      "::3 ::1",
                      "10.0.0.0/8",
                      "127.255.255.255/1",
                      "::ffff:127.0.0.1/128",
                      "fe80::/10",
                      "127.1/32",
                      "127/8",
                      "0x7f.1/32",
                      "2130706433/32",
                      "127.0.0.1/08",
                      "\"127.0.0.1/32\""};
/// For files that are only read: a name has to be looked up.
const words more_addresses{"localhost",        ".example.org",
                           "host.example",     "256.1.1.1",
                           "\"samehost\"",     "localhost/8",
                           "127.0.0.1/33",     "127.0.0.1/-1",
                           "127.0.0.1/+8",     "127.0.0.1/",
                           "127.0.0.1/ 8",     "127.0.0.1 ::1",
                           "::1 255.0.0.0",    "::1/129",
                           "::1%lo/128",       "1.2.3.4.5",
                           "127.0.0.1 255.00", "10.0.0.1:5",
                           "010.0.0.1/8",      "10.0.0.0 all",
                           "[::1]/128",        "fo:o",
                           "127.0.0.1/8/8",    "*",
                           "127.0.0.1/0x8",    "127.0.0.1/8 255.0.0.0"};
const words methods{"trust",         "trust",         "reject", "reject",  "scram-sha-256",
                    "scram-sha-256", "scram-sha-256", "md5",    "password"};
const words more_methods{
    "cert", "peer", "pam", "ldap", "trust", "\"trust\"", "Trust", "none", "scram-sha-256,md5",
    "ident"};
const words options{"map=m",
                    "clientcert=verify-ca",
                    "clientcert=verify-full",
                    "clientcert=1",
                    "clientname=DN",
                    "clientname=CN",
                    "clientname=cn",
                    "pamservice=x",
                    "pam_use_hostname=1",
                    "pam_use_hostname=yes",
                    "ldapserver=ldap.example",
                    "ldapserver=\"one two\"",
                    "ldapprefix=\"cn=\"",
                    "ldapsuffix=,dc=x",
                    "ldapbasedn=dc=x",
                    "ldapport=0",
                    "ldapport=389",
                    "ldapport=70000",
                    "ldapport=38x",
                    "ldaptls=1",
                    "ldaptls=yes",
                    "ldapscheme=ldaps",
                    "ldapscheme=http",
                    "ldapbinddn=cn=x",
                    "ldapbindpasswd=x",
                    "ldapsearchattribute=uid",
                    "ldapsearchfilter=\"(uid=$username)\"",
                    "ldapurl=\"ldap://ldap.example/dc=x?uid?sub\"",
                    "ldapurl=\"ldap://ldap.example/dc=x?uid?sub?(a=b)\"",
                    "ldapurl=\"ldap:///dc=x\"",
                    "ldapurl=http://x",
                    "include_realm=1",
                    "krb_realm=x",
                    "radiusservers=x",
                    "nonsense=1",
                    "nonsense",
                    "=",
                    "\"map\"=m",
                    "\"map=a b\"",
                    "map="};
const words ident_words{"m",     "app",     "\"a b\"", "/^(.*)@x$", "/^a",    "\\1",    "\"\\1x\"",
                        "/(a|b", "/[a",     "all",     "+team",     "@users", "\"/x\"", "/a\\1",
                        "/(x)y", "\"all\"", "a,b",     "\"\"",      "/",      "@none"};
const std::string_view odd_letters = "\",,\\#@/+= \t\v\f.:%*'0a\x80";

} // namespace

std::string hba_lines::blank() {
    static const words all{" ", "\t", "  ", " \t ", " \\\n  ", "\\\n "};
    return chance(8) ? one_of(all) : " ";
}

std::string hba_lines::joined(const words& fields) {
    std::string text;
    for (const auto& field : fields)
        text += (text.empty() ? "" : blank()) + field;
    return text;
}

std::string hba_lines::list_of(const words& all) {
    if (chance(2)) return "all";
    auto text = one_of(all);
    while (chance(3))
        text += (chance(4) ? ", " : ",") + one_of(all);
    if (chance(30)) text += ",";
    return text;
}

std::string hba_lines::good_line() {
    const auto type = one_of(types);
    auto dbs = list_of(databases);
    auto who = list_of(users);
    if (modern_ && chance(4)) dbs += "," + one_of(words{"/^a", "/p$", "/Odd Db", "\"/^T|^t\""});
    if (modern_ && chance(4)) who += "," + one_of(words{"/^a", "/r$", "/^(app|other)$"});
    // A comma at the end would take the next word into the list.
    if (dbs.ends_with(',')) dbs.pop_back();
    if (who.ends_with(',')) who.pop_back();
    words fields{type, dbs, who};
    if (type != "local") fields.push_back(one_of(addresses));
    fields.push_back(one_of(methods));
    return joined(fields);
}

std::string hba_lines::good_file() {
    std::string text;
    const auto count = 1 + below(7);
    for (unsigned i = 0; i < count; ++i) {
        if (chance(6))
            text += one_of(words{"\n", "# a comment\n", " \t\n", "# goes on \\\nhere\n"});
        if (modern_ && chance(8))
            text += one_of(words{"include more.conf\n", "include_if_exists no\n"});
        text += (chance(6) ? "  " : "") + good_line() + (chance(6) ? " # why" : "") +
                (chance(10) ? "\r\n" : "\n");
    }
    // Most clients fit nothing before.
    if (chance(2))
        text += "host all,replication all " + blank() + one_of(addresses) + blank() +
                one_of(methods) + "\n";
    if (chance(2)) text += "local all,replication all " + one_of(methods) + "\n";
    if (chance(5)) text.pop_back();
    return text;
}

std::string hba_lines::line() {
    auto all_types = types;
    all_types.insert(all_types.end(), {"hostgssenc", "\"host\"", "hosts", "local"});
    const auto type = one_of(all_types);
    words fields{type, list_of(databases), list_of(users)};
    if (type != "local") fields.push_back(one_of(!chance(3) ? addresses : more_addresses));
    fields.push_back(one_of(!chance(3) ? methods : more_methods));
    while (chance(4))
        fields.push_back(one_of(options));
    if (fields.size() > 4 && fields[4] == "ldap" && chance(2)) {
        fields.emplace_back("ldapserver=x");
        fields.push_back(one_of(words{"ldapbasedn=x", "ldapprefix=x"}));
    }
    auto text = joined(fields);
    std::ranges::replace(text, '\n', ' ');
    return text;
}

std::string hba_lines::ident_line() {
    words fields{one_of(ident_words), one_of(ident_words), one_of(ident_words)};
    while (!modern_ && fields.back().find('/') != std::string::npos)
        fields.back() = one_of(ident_words);
    if (chance(10))
        fields.pop_back();
    else if (chance(10))
        fields.push_back(one_of(ident_words));
    std::string text;
    for (const auto& field : fields)
        text += field + (chance(8) ? " \t" : " ");
    return text;
}

std::string hba_lines::spoiled(std::string line) {
    const auto place = [&] { return below(static_cast<unsigned>(line.size()) + 1); };
    for (unsigned i = 1 + below(3); i > 0 && !line.empty(); --i) {
        const auto at = place();
        switch (below(4)) {
        case 0:
            line.insert(at, 1, odd_letters[below(static_cast<unsigned>(odd_letters.size()))]);
            break;
        case 1:
            line.erase(at, 1 + below(2));
            break;
        case 2: // a word
            if (const auto begin = line.find(' ', at); begin != std::string::npos)
                line.erase(begin, line.find(' ', begin + 1) - begin);
            break;
        default:
            line.insert(at, line.substr(place(), below(8)));
        }
    }
    // What continues it would be the next one.
    while (line.ends_with('\\') || line.ends_with('\r'))
        line.pop_back();
    return line;
}

} // namespace pgweir::test
