#include "protocol/copy.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

template <class Response, class Decode> void expect_round_trip(Decode decode) {
    Response message;
    message.overall = 1;
    message.columns = {1, 1, 1};
    const auto body = body_of_only(message);
    const auto read = decode(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->overall, 1);
    EXPECT_EQ(read->columns, message.columns);
    expect_only_whole_bodies(body, decode);
    EXPECT_EQ(decode("\2\0\0"sv).error(), decode_errc::bad_value);
    EXPECT_EQ(decode("\0\xff\xff"sv).error(), decode_errc::short_body);
}

TEST(CopyResponses, AreReadAsWritten) {
    expect_round_trip<copy_in_response>(decode_copy_in_response);
    expect_round_trip<copy_out_response>(decode_copy_out_response);
    expect_round_trip<copy_both_response>(decode_copy_both_response);
}

TEST(CopyData, IsAnyBytes) {
    const auto data = "a\0\n\\."sv;
    EXPECT_EQ(decode_copy_data(body_of_only(copy_data{data}))->data, data);
    EXPECT_EQ(decode_copy_data("")->data, "");
}

TEST(CopyDone, HasNoBody) {
    expect_only_whole_bodies(body_of_only(copy_done{}), decode_copy_done);
}

TEST(CopyFail, IsReadAsWritten) {
    const auto body = body_of_only(copy_fail{"no more"});
    EXPECT_EQ(decode_copy_fail(body)->reason, "no more");
    expect_only_whole_bodies(body, decode_copy_fail);
}

} // namespace
} // namespace pgweir::protocol
