#include "protocol/extended_query.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

const parse sample_parse{"s1", "select $1, $2", {23, 0}};
const bind sample_bind{"p1", "s1", {0, 1}, {"7", std::nullopt}, {1}};

TEST(Parse, IsReadAsWritten) {
    const auto body = body_of_only(sample_parse);
    const auto read = decode_parse(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->statement, "s1");
    EXPECT_EQ(read->query, "select $1, $2");
    EXPECT_EQ(read->parameter_types, sample_parse.parameter_types);
    expect_only_whole_bodies(body, decode_parse);
}

TEST(Parse, NamesAreReadWithoutTheTypes) {
    const auto body = body_of_only(sample_parse);
    auto names = decode_parse_names(body);
    ASSERT_TRUE(names);
    EXPECT_EQ(names->statement, "s1");
    EXPECT_EQ(names->query, "select $1, $2");
    EXPECT_EQ(names->parameter_types, "\0\2\0\0\0\x17\0\0\0\0"sv);
    expect_only_whole_bodies(body, decode_parse_names);
    names->statement = "other";
    auto expected = sample_parse;
    expected.statement = "other";
    EXPECT_EQ(encoded(*names), encoded(expected));
}

TEST(Parse, TakesSixtyFiveThousandTypes) {
    const parse message{"", "q", std::vector<std::uint32_t>(65535, 25)};
    EXPECT_EQ(decode_parse(body_of_only(message))->parameter_types.size(), 65535U);
}

TEST(Bind, IsReadAsWritten) {
    const auto body = body_of_only(sample_bind);
    const auto read = decode_bind(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->portal, "p1");
    EXPECT_EQ(read->statement, "s1");
    EXPECT_EQ(read->parameter_formats, sample_bind.parameter_formats);
    EXPECT_EQ(read->parameters, sample_bind.parameters);
    EXPECT_EQ(read->result_formats, sample_bind.result_formats);
    expect_only_whole_bodies(body, decode_bind);
}

TEST(Bind, GetsAnotherStatementWithoutTouchingItsParameters) {
    const auto body = body_of_only(sample_bind);
    auto names = decode_bind_names(body);
    ASSERT_TRUE(names);
    EXPECT_EQ(names->portal, "p1");
    EXPECT_EQ(names->statement, "s1");
    names->statement = "a much longer name";
    auto expected = sample_bind;
    expected.statement = "a much longer name";
    EXPECT_EQ(encoded(*names), encoded(expected));
}

TEST(Bind, TakesSixtyFiveThousandParameters) {
    bind message = sample_bind;
    message.parameters.assign(65535, std::nullopt);
    message.parameters[1] = "";
    const auto body = body_of_only(message);
    const auto read = decode_bind(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->parameters, message.parameters);
}

TEST(Bind, RefusesLengthsAndCountsThatCannotBe) {
    // Portal, statement, no formats, one parameter of the length given.
    const auto with_length = [](std::string_view length) {
        return std::string{"\0\0\0\0\0\1"sv}.append(length);
    };
    EXPECT_EQ(decode_bind(with_length("\xff\xff\xff\xfe"sv)).error(), decode_errc::bad_length);
    EXPECT_EQ(decode_bind(with_length("\x80\0\0\0"sv)).error(), decode_errc::bad_length);
    EXPECT_EQ(decode_bind(with_length("\x7f\xff\xff\xff"sv)).error(), decode_errc::short_body);
    EXPECT_EQ(decode_bind("\0\0\xff\xff"sv).error(), decode_errc::short_body);
    EXPECT_EQ(decode_bind("\0\0\0\0\xff\xff"sv).error(), decode_errc::short_body);
    EXPECT_EQ(decode_bind_names("portal\0statement"sv).error(), decode_errc::unterminated_string);
}

TEST(Execute, IsReadAsWritten) {
    const auto body = body_of_only(execute{"p", 100});
    EXPECT_EQ(decode_execute(body)->portal, "p");
    EXPECT_EQ(decode_execute(body)->max_rows, 100);
    expect_only_whole_bodies(body, decode_execute);
}

TEST(DescribeAndClose, TellStatementsFromPortals) {
    for (const auto target : {target_kind::statement, target_kind::portal}) {
        const auto describe_body = body_of_only(describe{target, "x"});
        EXPECT_EQ(decode_describe(describe_body)->target, target);
        EXPECT_EQ(decode_describe(describe_body)->name, "x");
        expect_only_whole_bodies(describe_body, decode_describe);
        const auto close_body = body_of_only(close{target, ""});
        EXPECT_EQ(decode_close(close_body)->target, target);
        EXPECT_EQ(decode_close(close_body)->name, "");
        expect_only_whole_bodies(close_body, decode_close);
    }
    EXPECT_EQ(decode_describe("Xx\0"sv).error(), decode_errc::bad_value);
    EXPECT_EQ(decode_close("sx\0"sv).error(), decode_errc::bad_value);
}

TEST(ParameterDescription, IsReadAsWritten) {
    const parameter_description message{{23, 4294967295U}};
    const auto body = body_of_only(message);
    EXPECT_EQ(decode_parameter_description(body)->types, message.types);
    expect_only_whole_bodies(body, decode_parameter_description);
}

TEST(EmptyMessages, OfTheExtendedProtocolHaveNoBody) {
    expect_only_whole_bodies(body_of_only(sync{}), decode_sync);
    expect_only_whole_bodies(body_of_only(flush{}), decode_flush);
    expect_only_whole_bodies(body_of_only(parse_complete{}), decode_parse_complete);
    expect_only_whole_bodies(body_of_only(bind_complete{}), decode_bind_complete);
    expect_only_whole_bodies(body_of_only(close_complete{}), decode_close_complete);
    expect_only_whole_bodies(body_of_only(no_data{}), decode_no_data);
    expect_only_whole_bodies(body_of_only(portal_suspended{}), decode_portal_suspended);
}

} // namespace
} // namespace pgweir::protocol
