#include "sql/scanner.hpp"
#include "tests/unit/sql/reference_scan.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace pgweir::sql {

namespace {

/// The tokens' texts between bars.
std::string tokens_of(std::string_view text) {
    std::string out;
    scanner scan{text};
    for (token t; scan.next(t);) {
        out += out.empty() ? "" : "|";
        out += scan.text_of(t);
    }
    return scan.failed() ? "refused" : out;
}

token_kind kind_of_first(std::string_view text) {
    scanner scan{text};
    token t;
    EXPECT_TRUE(scan.next(t)) << text;
    EXPECT_EQ(t.end, text.size()) << text;
    return t.kind;
}

constexpr std::string_view texts[] = {
    "select 1",
    "a.b..c, d[1] : e :: f := g => h",
    "a<=b>=c<>d!=e",
    "1..10",
    "1.5.5",
    "1. .5 1.e5 .5e-3 1E+5",
    "a+-b",
    "a@-b",
    "a<->b",
    "a*-b",
    "a --b\n-c",
    "a -/* x */ b",
    "a+/*x*/b",
    "a@/*x*/b",
    "/*/**/*/ x /***/ y",
    "/* a /* b */ c */ d",
    "'a''b' 'c'\n'd' 'e'\r\n  \f 'f' 'g' 'h' -- x\n + 'i'",
    "'a' -- x\n /* no */ 'b'",
    "'a\\' b",
    "e'a\\'b' E'\\\\' e'\\x41\\101\\u0041'",
    "u&'d\\0061t' U&\"d\\0061\" uescape '!'",
    "u & 'x' u&x",
    "b'01' B'1''0' x'fF' X'a'\n'b'",
    "n'abc' N 'abc'",
    "$$a$$ $x$ $$ $y$ $x$ a$b$c$",
    "$1 $22+$3",
    "\"a\"\"b\" \"c d\"",
    "caf\xc3\xa9 \xff",
    "1 2\f3\t4",
    "((a))[b];;",
    "a->>'b' #>> '{c}' ?| d ?& e",
    "2147483647 2147483648 99999999999999999999",
    "a %% b ^ c | d & e ~ f",
    "+-+-",
    "@+-",
    "select/**/1",
    "''''''",
    "e''''",
    "",
    "   ",
    "--",
};

} // namespace

TEST(Scanner, AgreesWithPostgresqlsLexer) {
    for (const std::string_view text : texts) {
        SCOPED_TRACE(text);
        const auto expected = reference_scan(text);
        ASSERT_TRUE(expected);
        EXPECT_EQ(own_scan(text), expected);
    }
}

TEST(Scanner, AgreesOnEveryBeginningOfEveryText) {
    for (const std::string_view text : texts) {
        for (std::size_t length = 0; length < text.size(); ++length) {
            const auto part = text.substr(0, length);
            const auto expected = reference_scan(part);
            const auto own = own_scan(part);
            if (expected && (own || !may_be_refused(part))) {
                EXPECT_EQ(own, expected) << part;
            }
        }
    }
}

TEST(Scanner, SplitsAsListed) {
    EXPECT_EQ(tokens_of("select a.b,'x' from t;"), "select|a|.|b|,|'x'|from|t|;");
    EXPECT_EQ(tokens_of("a /* b */ -- c\n d"), "a|d");
    EXPECT_EQ(tokens_of("'a'\n'b' 'c'"), "'a'\n'b'|'c'");
    EXPECT_EQ(tokens_of("n'x'"), "n|'x'");
}

TEST(Scanner, TellsKindsApart) {
    EXPECT_EQ(kind_of_first("word"), token_kind::word);
    EXPECT_EQ(kind_of_first("\"word\""), token_kind::quoted_identifier);
    EXPECT_EQ(kind_of_first("U&\"w\""), token_kind::quoted_identifier);
    EXPECT_EQ(kind_of_first("'a''b'"), token_kind::plain_string);
    for (const auto* text : {"'a'\n'b'", "E'a'", "u&'a'", "b'0'", "X'0'", "$$a$$", "$t$a$t$"}) {
        EXPECT_EQ(kind_of_first(text), token_kind::other_string) << text;
    }
    EXPECT_EQ(kind_of_first("2147483647"), token_kind::integer);
    EXPECT_EQ(kind_of_first("00000000000000000001"), token_kind::integer);
    for (const auto* text :
         {"2147483648", "1.0", "1.", ".5", "1e5", "99999999999999999999999999"}) {
        EXPECT_EQ(kind_of_first(text), token_kind::number) << text;
    }
    EXPECT_EQ(kind_of_first("$1"), token_kind::parameter);
    EXPECT_EQ(kind_of_first("::"), token_kind::op);
}

TEST(Scanner, RefusesWhatItCannotBeSureOf) {
    for (const auto* text :
         {"'a",     "\"a",    "e'a\\'", "$$a$",  "$x$a$y$", "/* a", "/* a /* b */", "1a",
          "1.5x",   "1e",     "1e+",    "1_000", "0x1f",    "$1a",  "\"\"",         "U&\"\"",
          "a \v b", "a \x01", "$",      "a $ b", "{",       "\\"}) {
        EXPECT_EQ(tokens_of(text), "refused") << text;
    }
    EXPECT_EQ(tokens_of(std::string(64, '@')), "refused");
    EXPECT_EQ(tokens_of(std::string(63, '@')), std::string(63, '@'));
}

TEST(Scanner, StaysAtTheEnd) {
    scanner scan{"a"};
    token t;
    EXPECT_TRUE(scan.next(t));
    EXPECT_FALSE(scan.next(t));
    EXPECT_FALSE(scan.next(t));
    EXPECT_FALSE(scan.failed());
}

} // namespace pgweir::sql
