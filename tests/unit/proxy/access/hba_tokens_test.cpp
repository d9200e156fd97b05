#include "tests/unit/proxy/access/hba_text.hpp"

#include <gmock/gmock.h>

namespace pgweir {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// Fields parted by |, tokens by commas, quoted ones in <>.
std::string shown(const hba_line& line) {
    std::string text;
    for (const auto& field : line.fields) {
        if (!text.empty()) text += '|';
        bool first = true;
        for (const auto& token : field) {
            text += first ? "" : ",";
            text += token.quoted ? "<" + token.text + ">" : token.text;
            first = false;
        }
    }
    return text;
}

std::vector<std::string> shown(const hba_tokens& tokens) {
    std::vector<std::string> all;
    for (const auto& line : tokens.lines)
        all.push_back(line.file + ":" + std::to_string(line.line) + " " + shown(line));
    return all;
}

std::vector<std::string> problems(const hba_tokens& tokens) {
    std::vector<std::string> all;
    for (const auto& one : tokens.problems)
        all.push_back(one.text());
    return all;
}

std::vector<std::string> lines_of(std::string_view text) {
    const auto read = read_hba_text(text, "f", files_of({}));
    EXPECT_THAT(problems(read), IsEmpty());
    return shown(read);
}

TEST(HbaTokens, BlanksPartFieldsAndCommasPartTokens) {
    EXPECT_THAT(lines_of("local  a,b,\tc all\n\n   \nhost x\n"),
                ElementsAre("f:1 local|a,b,c|all", "f:4 host|x"));
    EXPECT_THAT(lines_of("a\vb\fc d"), ElementsAre("f:1 a\vb\fc|d")) << "no blanks here";
    EXPECT_THAT(lines_of("a, b ,c"), ElementsAre("f:1 a,b|c")) << "as PostgreSQL reads it";
}

TEST(HbaTokens, CommentsEndALineUnlessQuoted) {
    EXPECT_THAT(lines_of("# all\nlocal all#x\nlocal \"a#b\" # c"),
                ElementsAre("f:2 local|all", "f:3 local|<a#b>"));
}

TEST(HbaTokens, QuotesKeepBlanksCommasAndQuotesTogether) {
    EXPECT_THAT(lines_of("\"a b\",\"c,d\" \"e\"\"f\" \"\" a\"b c\"d"),
                ElementsAre("f:1 <a b>,<c,d>|<e\"f>|<>|ab cd"));
}

TEST(HbaTokens, ABackslashAtTheEndContinuesALine) {
    EXPECT_THAT(lines_of("local \\\n all \\\r\n trust\r\nhost"),
                ElementsAre("f:1 local|all|trust", "f:4 host"));
    EXPECT_THAT(lines_of("# a comment \\\n goes on\nlocal"), ElementsAre("f:3 local"));
    EXPECT_THAT(lines_of("a\\\n\\\nb"), ElementsAre("f:1 ab"));
    EXPECT_THAT(lines_of("a\\"), ElementsAre("f:1 a"));
}

TEST(HbaTokens, FilesAreIncludedWhereTheyAreNamed) {
    const auto files = files_of({{"/etc/hba", "first\ninclude more/hba\ninclude_if_exists none\n"
                                              "include_dir conf.d\nlast\n"},
                                 {"/etc/more/hba", "include_if_exists other\ninner"},
                                 {"/etc/more/other", "innermost"},
                                 {"/etc/conf.d/2.conf", "two"},
                                 {"/etc/conf.d/1.conf", "one"},
                                 {"/etc/conf.d/.3.conf", "hidden"},
                                 {"/etc/conf.d/4.bak", "old"}});
    const auto read = read_hba_file("/etc/hba", files);
    EXPECT_THAT(problems(read), IsEmpty());
    EXPECT_THAT(shown(read), ElementsAre("/etc/hba:1 first", "/etc/more/other:1 innermost",
                                         "/etc/more/hba:2 inner", "/etc/conf.d/1.conf:1 one",
                                         "/etc/conf.d/2.conf:1 two", "/etc/hba:5 last"));
}

TEST(HbaTokens, AnAtSignPutsAFilesTokensIntoTheField) {
    const auto files = files_of({{"/etc/hba", "local x,@names,y all\nlocal \"@names\" @"},
                                 {"/etc/names", "a b\n# no\nc,@deeper\n"},
                                 {"/etc/deeper", "\"d e\""}});
    const auto read = read_hba_file("/etc/hba", files);
    EXPECT_THAT(problems(read), IsEmpty());
    EXPECT_THAT(shown(read),
                ElementsAre("/etc/hba:1 local|x,a,b,c,<d e>,y|all", "/etc/hba:2 local|<@names>|@"));
}

TEST(HbaTokens, WhatCannotBeReadIsReportedWithItsPlace) {
    const auto files = files_of(
        {{"/etc/hba", "include gone\nlocal @secret all\ninclude a b\n\"open\nlocal @none x"},
         {"/etc/secret", "!"},
         {"/etc/none", "# nothing"}});
    EXPECT_THAT(problems(read_hba_file("/etc/hba", files)),
                ElementsAre("/etc/hba:1: cannot read \"/etc/gone\": No such file or directory",
                            "/etc/hba:2: cannot read \"/etc/secret\": Permission denied",
                            "/etc/hba:3: include needs exactly one name",
                            "/etc/hba:4: has a quotation mark without its other half: all that "
                            "follows it is one word",
                            "/etc/hba:5: has a field that is empty"));
    EXPECT_THAT(problems(read_hba_file("/etc/none-at-all", files)),
                ElementsAre("/etc/none-at-all: cannot read \"/etc/none-at-all\": "
                            "No such file or directory"));
    EXPECT_THAT(problems(read_hba_text(std::string_view{"a\0b", 3}, "f", files)),
                ElementsAre("f: holds a zero byte: this is no text file"));
}

TEST(HbaTokens, AFileThatIncludesItselfIsAnError) {
    const auto files = files_of({{"/a", "include a"},
                                 {"/b", "local @b"},
                                 {"/c", "include_dir d"},
                                 {"/d/1.conf", "include_dir ../d"},
                                 {"/d/2.conf", "include_dir ."},
                                 {"/d/3.conf", "include_dir ."}});
    EXPECT_THAT(problems(read_hba_file("/a", files)),
                ElementsAre("/a:1: includes files more than 10 deep"));
    EXPECT_THAT(problems(read_hba_file("/b", files)),
                ElementsAre("/b:1: includes files more than 10 deep"));
    EXPECT_FALSE(read_hba_file("/c", files).problems.empty());
}

} // namespace
} // namespace pgweir
