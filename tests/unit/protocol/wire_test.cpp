#include "protocol/values.hpp"
#include "protocol/wire.hpp"

#include <gtest/gtest.h>
#include <sys/mman.h>

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

TEST(WireReader, ReadsBigEndianNumbers) {
    wire_reader in{"\x01\x02\xff\xfe\x80\x00\x00\x01Z"sv};
    EXPECT_EQ(in.uint16(), 0x0102);
    EXPECT_EQ(in.int16(), -2);
    EXPECT_EQ(in.uint32(), 0x80000001U);
    EXPECT_EQ(in.byte1(), 'Z');
    EXPECT_FALSE(in.finish());
}

TEST(WireReader, KeepsTheFirstErrorAndThenReadsZeroes) {
    wire_reader in{"ab"sv};
    EXPECT_EQ(in.uint32(), 0U);
    EXPECT_EQ(in.uint16(), 0U);
    EXPECT_EQ(in.string(), "");
    EXPECT_EQ(in.finish(), decode_errc::short_body);
}

TEST(WireReader, RefusesAStringWithoutItsEnd) {
    wire_reader in{"abc"sv};
    EXPECT_EQ(in.string(), "");
    EXPECT_EQ(in.finish(), decode_errc::unterminated_string);
}

TEST(WireReader, RefusesNegativeAndHugeCounts) {
    for (const std::int64_t count :
         {std::int64_t{-1}, std::int64_t{-2147483648}, std::int64_t{4}, std::int64_t{0x7fffffff},
          std::numeric_limits<std::int64_t>::max(), std::numeric_limits<std::int64_t>::min()}) {
        SCOPED_TRACE(count);
        wire_reader in{"abc"sv};
        EXPECT_EQ(in.bytes(count), "");
        EXPECT_EQ(in.finish(), count < 0 ? decode_errc::bad_length : decode_errc::short_body);
    }
}

TEST(WireReader, CallsWhatIsLeftTrailingBytes) {
    wire_reader in{"ab"sv};
    in.byte1();
    EXPECT_EQ(in.finish(), decode_errc::trailing_bytes);
    EXPECT_EQ(in.remainder(), "b");
    EXPECT_FALSE(in.finish());
}

TEST(WireReader, AllocatesNothingForACountThatCannotBe) {
    wire_reader in{"\xff\xff\x00\x01"sv};
    EXPECT_TRUE(read_oids(in).empty());
    EXPECT_EQ(in.finish(), decode_errc::short_body);
}

TEST(WireWriter, PatchesTheLengthIn) {
    std::string out = "before";
    wire_writer to{out, 'Q'};
    to.string("x");
    to.finish();
    EXPECT_EQ(out, "beforeQ\0\0\0\6x\0"sv);
}

TEST(WireWriter, WritesWhatTheReaderReads) {
    std::string out;
    wire_writer to{out};
    to.byte1('b');
    to.int16(-3);
    to.uint16(65535);
    to.int32(-70000);
    to.uint32(4000000000U);
    to.string("text");
    to.sized_bytes("\0\1"sv);
    to.finish();
    wire_reader in{std::string_view{out}.substr(4)};
    EXPECT_EQ(in.byte1(), 'b');
    EXPECT_EQ(in.int16(), -3);
    EXPECT_EQ(in.uint16(), 65535);
    EXPECT_EQ(in.int32(), -70000);
    EXPECT_EQ(in.uint32(), 4000000000U);
    EXPECT_EQ(in.string(), "text");
    EXPECT_EQ(read_value(in), "\0\1"sv);
    EXPECT_FALSE(in.finish());
}

TEST(WireWriter, EndsAStringAtAZeroByteSoThatNoFieldIsSmuggledIn) {
    std::string out;
    wire_writer to{out, 'S'};
    to.string("name\0evil"sv);
    to.finish();
    EXPECT_EQ(out, "S\0\0\0\x09name\0"sv);
}

TEST(WireWriter, RefusesMoreItemsThanACountCanSay) {
    std::string out;
    wire_writer to{out, 'D'};
    EXPECT_THROW(to.count16(65536), std::length_error);
    EXPECT_NO_THROW(to.count16(65535));
}

/// CVE-2024-27304: a length that wraps makes messages of the rest of the bytes.
TEST(WireWriter, RefusesALengthThatDoesNotFit) {
    constexpr std::size_t size = std::size_t{1} << 31U;
    // Pages that nobody touches take no memory.
    void* const pages =
        ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    ASSERT_NE(pages, MAP_FAILED);
    std::string out;
    wire_writer to{out, 'B'};
    EXPECT_THROW(to.sized_bytes({static_cast<const char*>(pages), size}), std::length_error);
    ::munmap(pages, size);
}

TEST(DecodeErrc, HasAMessageForEachCode) {
    for (int code = 1; code <= static_cast<int>(decode_errc::too_long); ++code) {
        const auto message = make_error_code(static_cast<decode_errc>(code)).message();
        EXPECT_NE(message, decode_category().message(0)) << code;
    }
    EXPECT_STREQ(decode_category().name(), "pgweir.decode");
}

} // namespace
} // namespace pgweir::protocol
