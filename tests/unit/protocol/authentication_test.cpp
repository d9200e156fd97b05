#include "protocol/authentication.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

using std::string_view_literals::operator""sv;

template <class Request> std::string request_body(const Request& request) {
    return body_of_only(encoded(request), backend_type::authentication);
}

TEST(Authentication, OkAndCleartextHaveNoData) {
    const auto ok = request_body(authentication_ok{});
    EXPECT_TRUE(std::holds_alternative<authentication_ok>(*decode_authentication(ok)));
    expect_only_whole_bodies(ok, decode_authentication);
    const auto cleartext = request_body(authentication_cleartext_password{});
    EXPECT_TRUE(std::holds_alternative<authentication_cleartext_password>(
        *decode_authentication(cleartext)));
    expect_only_whole_bodies(cleartext, decode_authentication);
}

TEST(Authentication, Md5HasASaltOfFourBytes) {
    const auto body = request_body(authentication_md5_password{{'a', '\0', 'b', '\xff'}});
    const auto read = decode_authentication(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(std::get<authentication_md5_password>(*read).salt,
              (std::array<char, 4>{'a', '\0', 'b', '\xff'}));
    expect_only_whole_bodies(body, decode_authentication);
}

TEST(Authentication, SaslListsMechanisms) {
    const authentication_sasl request{{"SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"}};
    const auto body = request_body(request);
    const auto read = decode_authentication(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(std::get<authentication_sasl>(*read).mechanisms, request.mechanisms);
    expect_only_whole_bodies(body, decode_authentication);
}

TEST(Authentication, SaslDataIsAnyBytes) {
    const auto next = request_body(authentication_sasl_continue{"r=x\0"sv});
    EXPECT_EQ(std::get<authentication_sasl_continue>(*decode_authentication(next)).data, "r=x\0"sv);
    const auto last = request_body(authentication_sasl_final{"v=y"});
    EXPECT_EQ(std::get<authentication_sasl_final>(*decode_authentication(last)).data, "v=y");
}

TEST(Authentication, KnowsWhatItDoesNotSpeak) {
    for (const std::int32_t code : {2, 7, 8, 9}) {
        const auto body = request_body(authentication_unsupported{code, "data"});
        const auto read = decode_authentication(body);
        ASSERT_TRUE(read);
        EXPECT_EQ(std::get<authentication_unsupported>(*read).code, code);
    }
    for (const auto body :
         {"\0\0\0\1"sv, "\0\0\0\4"sv, "\0\0\0\6"sv, "\0\0\0\x0d"sv, "\xff\xff\xff\xff"sv})
        EXPECT_EQ(decode_authentication(body).error(), decode_errc::bad_value);
}

TEST(PasswordMessage, TakesLongPasswords) {
    for (const std::size_t size : {0U, 1U, 1023U, 1024U, 65535U}) {
        const std::string password(size, 'p');
        EXPECT_EQ(decode_password_message(body_of_only(password_message{password}))->password,
                  password);
    }
    expect_only_whole_bodies(body_of_only(password_message{"secret"}), decode_password_message);
}

TEST(SaslInitialResponse, TellsNoDataFromEmptyData) {
    for (const auto& data :
         {std::optional<std::string_view>{}, std::optional{""sv}, std::optional{"n,,"sv}}) {
        const auto body = body_of_only(sasl_initial_response{"SCRAM-SHA-256", data});
        const auto read = decode_sasl_initial_response(body);
        ASSERT_TRUE(read);
        EXPECT_EQ(read->mechanism, "SCRAM-SHA-256");
        EXPECT_EQ(read->data, data);
        expect_only_whole_bodies(body, decode_sasl_initial_response);
    }
    EXPECT_EQ(decode_sasl_initial_response("M\0\xff\xff\xff\xfe"sv).error(),
              decode_errc::bad_length);
    EXPECT_EQ(decode_sasl_initial_response("M\0\x7f\xff\xff\xff"sv).error(),
              decode_errc::short_body);
}

TEST(SaslAndGssResponses, AreAnyBytes) {
    EXPECT_EQ(decode_sasl_response(body_of_only(sasl_response{"c=biws"}))->data, "c=biws");
    EXPECT_EQ(decode_gss_response(body_of_only(gss_response{"\0"sv}))->data, "\0"sv);
}

} // namespace
} // namespace pgweir::protocol
