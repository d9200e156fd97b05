#include "protocol/rows.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

TEST(RowDescription, IsReadAsWritten) {
    row_description message;
    message.fields.push_back({"id", 16384, 1, 20, 8, -1, 1});
    message.fields.push_back({.name = "route"});
    const auto body = body_of_only(message);
    const auto read = decode_row_description(body);
    ASSERT_TRUE(read);
    ASSERT_EQ(read->fields.size(), 2U);
    EXPECT_EQ(read->fields[0].name, "id");
    EXPECT_EQ(read->fields[0].table_oid, 16384U);
    EXPECT_EQ(read->fields[0].column_number, 1);
    EXPECT_EQ(read->fields[0].type_oid, 20U);
    EXPECT_EQ(read->fields[0].type_size, 8);
    EXPECT_EQ(read->fields[0].format, 1);
    EXPECT_EQ(read->fields[1].type_oid, 25U);
    EXPECT_EQ(read->fields[1].type_size, -1);
    expect_only_whole_bodies(body, decode_row_description);
}

TEST(RowDescription, MayHaveNoColumns) {
    EXPECT_TRUE(decode_row_description("\0\0"sv)->fields.empty());
}

TEST(DataRow, TellsNullFromEmpty) {
    const data_row message{{"a", std::nullopt, ""}};
    const auto body = body_of_only(message);
    const auto read = decode_data_row(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->values, message.values);
    expect_only_whole_bodies(body, decode_data_row);
}

TEST(DataRow, RefusesLengthsThatCannotBe) {
    EXPECT_EQ(decode_data_row("\0\1\xff\xff\xff\xfe"sv).error(), decode_errc::bad_length);
    EXPECT_EQ(decode_data_row("\0\1\x80\0\0\0"sv).error(), decode_errc::bad_length);
    EXPECT_EQ(decode_data_row("\0\1\x7f\xff\xff\xff"sv).error(), decode_errc::short_body);
    EXPECT_EQ(decode_data_row("\xff\xff"sv).error(), decode_errc::short_body);
}

} // namespace
} // namespace pgweir::protocol
