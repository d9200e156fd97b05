#include "protocol/error_response.hpp"
#include "tests/unit/protocol/messages.hpp"

#include <set>

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

error_response full_error() {
    auto message = make_error(error_severity::error, "23505", "duplicate key");
    message.detail = "detail";
    message.hint = "hint";
    message.position = "12";
    message.internal_position = "3";
    message.internal_query = "select";
    message.where = "where";
    message.schema_name = "public";
    message.table_name = "t";
    message.column_name = "c";
    message.data_type_name = "d";
    message.constraint_name = "t_pkey";
    message.file = "nbtinsert.c";
    message.line = "664";
    message.routine = "_bt_check_unique";
    return message;
}

TEST(ErrorResponse, CarriesAllFieldsBothWays) {
    const auto message = full_error();
    const auto body = body_of_only(message);
    EXPECT_EQ(body,
              "SERROR\0VERROR\0C23505\0Mduplicate key\0Ddetail\0Hhint\0P12\0p3\0qselect\0Wwhere\0"
              "spublic\0tt\0cc\0dd\0nt_pkey\0Fnbtinsert.c\0L664\0R_bt_check_unique\0\0"sv);
    const auto read = decode_error_response(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(encoded(*read), encoded(message));
    expect_only_whole_bodies(body, decode_error_response);
}

TEST(ErrorResponse, LeavesAbsentFieldsOut) {
    const auto body =
        body_of_only(make_error(error_severity::fatal, sqlstate::too_many_connections, ""));
    EXPECT_EQ(body, "SFATAL\0VFATAL\0C53300\0M\0\0"sv);
    EXPECT_TRUE(decode_error_response(body));
}

TEST(ErrorResponse, SkipsFieldsThatItDoesNotKnow) {
    const auto read = decode_error_response("SERROR\0?what\0C42601\0Mtext\0zzz\0\0"sv);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->sqlstate, "42601");
    EXPECT_EQ(read->message, "text");
}

TEST(ErrorResponse, WithoutSqlstateOrMessageIsAnErrorValue) {
    for (const auto body : {"\0"sv, "SERROR\0Mtext\0\0"sv, "SERROR\0C42601\0\0"sv, "C\0Mtext\0\0"sv,
                            "C4260\0Mtext\0\0"sv, "C426011\0Mtext\0\0"sv, "C42p01\0Mtext\0\0"sv})
        EXPECT_EQ(decode_error_response(body).error(), decode_errc::missing_field);
    EXPECT_EQ(decode_error_response("").error(), decode_errc::short_body);
}

TEST(ErrorResponse, GivesSingleFieldsOfBrokenBodies) {
    const auto body = "SERROR\0Mtext\0C42P0"sv;
    EXPECT_EQ(find_error_field(body, 'M'), "text");
    EXPECT_EQ(find_error_field(body, 'C'), std::nullopt);
    EXPECT_EQ(find_error_field("", 'C'), std::nullopt);
    EXPECT_EQ(find_sqlstate(body), "");
    EXPECT_EQ(find_sqlstate("C57P01\0\0"sv), "57P01");
    EXPECT_EQ(find_sqlstate("C57p01\0\0"sv), "");
    EXPECT_EQ(find_sqlstate("Mtext\0\0C57P01\0\0"sv), "") << "after the end";
}

TEST(NoticeResponse, IsAnErrorResponseWithAnotherLetter) {
    const auto message = make_notice(error_severity::notice, "00000", "waiting");
    const auto body = body_of_only(message);
    EXPECT_EQ(decode_notice_response(body)->severity, "NOTICE");
    EXPECT_EQ(decode_notice_response(body)->message, "waiting");
    expect_only_whole_bodies(body, decode_notice_response);
}

TEST(Sqlstate, HasANameForEachCodeThatWeSend) {
    EXPECT_EQ(sqlstate_name(sqlstate::too_many_connections), "too_many_connections");
    EXPECT_EQ(sqlstate_name(sqlstate::transaction_resolution_unknown),
              "transaction_resolution_unknown");
    EXPECT_EQ(sqlstate_name("25P02"), "in_failed_sql_transaction");
    EXPECT_EQ(sqlstate_name("XX000"), "internal_error");
    EXPECT_EQ(sqlstate_name("99999"), "");
}

TEST(ErrorSeverity, IsNamedAsPostgreSQLNamesIt) {
    std::set<std::string_view> names;
    for (const auto severity : {error_severity::error, error_severity::fatal, error_severity::panic,
                                error_severity::warning, error_severity::notice,
                                error_severity::debug, error_severity::info, error_severity::log})
        names.insert(to_string(severity));
    EXPECT_EQ(names, (std::set<std::string_view>{"ERROR", "FATAL", "PANIC", "WARNING", "NOTICE",
                                                 "DEBUG", "INFO", "LOG"}));
}

} // namespace
} // namespace pgweir::protocol
