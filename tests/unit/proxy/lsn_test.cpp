#include "proxy/cluster/lsn.hpp"

#include <gtest/gtest.h>

namespace pgweir {
namespace {

TEST(Lsn, ReadsWhatPostgresqlWrites) {
    EXPECT_EQ(parse_lsn("16/B374D848"), lsn{0x16B374D848});
    EXPECT_EQ(parse_lsn("0/0"), lsn{0});
    EXPECT_EQ(parse_lsn("FFFFFFFF/FFFFFFFF"), lsn{0xFFFFFFFFFFFFFFFF});
}

TEST(Lsn, WritesWhatItReads) {
    for (const auto* text : {"16/B374D848", "0/0", "FFFFFFFF/FFFFFFFF", "1/A"})
        EXPECT_EQ(to_string(*parse_lsn(text)), text);
}

TEST(Lsn, RefusesEverythingElse) {
    for (const auto* text : {"", "/", "1/", "/1", "1", "1/2/3", "x/1", "1/x", " 1/2", "1/2 ",
                             "-1/2", "+1/2", "0x1/2", "123456789/0", "0/123456789"})
        EXPECT_FALSE(parse_lsn(text)) << text;
}

} // namespace
} // namespace pgweir
