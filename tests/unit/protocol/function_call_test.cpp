#include "protocol/function_call.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

TEST(FunctionCall, IsReadAsWritten) {
    const function_call message{952, {1}, {"\0\0\0\1"sv, std::nullopt}, 1};
    const auto body = body_of_only(message);
    const auto read = decode_function_call(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->function_oid, 952U);
    EXPECT_EQ(read->argument_formats, message.argument_formats);
    EXPECT_EQ(read->arguments, message.arguments);
    EXPECT_EQ(read->result_format, 1);
    expect_only_whole_bodies(body, decode_function_call);
}

TEST(FunctionCallResponse, TellsNullFromEmpty) {
    for (const auto& value : {nullable_bytes{}, nullable_bytes{""}, nullable_bytes{"x"}}) {
        const auto body = body_of_only(function_call_response{value});
        EXPECT_EQ(decode_function_call_response(body)->value, value);
        expect_only_whole_bodies(body, decode_function_call_response);
    }
    EXPECT_EQ(decode_function_call_response("\xff\xff\xff\xfe"sv).error(), decode_errc::bad_length);
}

} // namespace
} // namespace pgweir::protocol
