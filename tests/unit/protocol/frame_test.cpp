#include "protocol/frame.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

using namespace pgweir::protocol;

namespace {

std::string framed(char type, std::string_view body) {
    const auto length = static_cast<std::uint32_t>(body.size() + 4);
    std::string out{type};
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        out += static_cast<char>(length >> shift & 0xffU);
    return out.append(body);
}

std::string header_of_length(std::uint32_t length) {
    std::string out{'D'};
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        out += static_cast<char>(length >> shift & 0xffU);
    return out;
}

/// Collects whole messages from a stream that comes in pieces, as a reader does.
class collector {
public:
    void take(std::string_view piece) {
        bytes_ += piece;
        for (;;) {
            frame_header header;
            if (read_header(bytes_, header) != frame_status::found || header.size > bytes_.size())
                return;
            messages.push_back(header.type + std::string{body_of(bytes_, header)});
            bytes_.erase(0, static_cast<std::size_t>(header.size));
        }
    }
    std::vector<std::string> messages;

private:
    std::string bytes_;
};

} // namespace

TEST(FrameHeader, TellsTypeAndSizesOfAMessage) {
    const auto stream = framed('D', "row");
    frame_header header;
    ASSERT_EQ(read_header(stream, header), frame_status::found);
    EXPECT_EQ(header.type, 'D');
    EXPECT_EQ(header.size, 8U);
    EXPECT_EQ(header.body_size(), 3U);
    EXPECT_EQ(body_of(stream, header), "row");
}

TEST(FrameHeader, IsIncompleteBelowFiveBytes) {
    const auto stream = framed('Z', "I");
    for (std::size_t size = 0; size < frame_header::bytes; ++size) {
        SCOPED_TRACE(size);
        const std::vector<char> cut(stream.begin(),
                                    stream.begin() + static_cast<std::ptrdiff_t>(size));
        frame_header header;
        EXPECT_EQ(read_header({cut.data(), cut.size()}, header), frame_status::incomplete);
    }
}

TEST(FrameHeader, NeedsNoByteOfTheBody) {
    frame_header header;
    ASSERT_EQ(read_header(header_of_length(1'000'000), header), frame_status::found);
    EXPECT_EQ(header.size, 1'000'001U);
}

TEST(FrameHeader, AnEmptyBodyHasLengthFour) {
    const auto stream = framed('S', "") + "next";
    frame_header header;
    ASSERT_EQ(read_header(stream, header), frame_status::found);
    EXPECT_EQ(header.size, 5U);
    EXPECT_EQ(body_of(stream, header), "");
}

TEST(FrameHeader, RefusesLengthsThatCannotBe) {
    frame_header header;
    for (const std::uint32_t length : {0U, 1U, 2U, 3U, 0x80000000U, 0xffffffffU}) {
        SCOPED_TRACE(length);
        EXPECT_EQ(read_header(header_of_length(length), header), frame_status::bad_length);
    }
}

TEST(FrameHeader, TheLargestMessageDoesNotWrapItsSize) {
    frame_header header;
    ASSERT_EQ(read_header(header_of_length(0x7fffffffU), header), frame_status::found);
    EXPECT_EQ(header.size, std::uint64_t{0x80000000U});
    EXPECT_EQ(header.body_size(), std::uint64_t{0x7ffffffbU});
}

TEST(FrameHeader, FindsTheSameMessagesHoweverTheStreamIsCut) {
    const auto stream = framed('P', std::string("s\0select 1\0\0\0", 13)) +
                        framed('B', std::string(300, 'x')) + framed('S', "") + framed('Z', "I") +
                        framed('Q', std::string("\0", 1));
    collector whole;
    whole.take(stream);
    ASSERT_EQ(whole.messages.size(), 5U);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        SCOPED_TRACE(cut);
        collector halves;
        halves.take(std::string_view{stream}.substr(0, cut));
        halves.take(std::string_view{stream}.substr(cut));
        EXPECT_EQ(halves.messages, whole.messages);
    }
    collector bytes;
    for (const char c : stream)
        bytes.take({&c, 1});
    EXPECT_EQ(bytes.messages, whole.messages);
}
