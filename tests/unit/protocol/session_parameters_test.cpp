#include "protocol/session_parameters.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

TEST(ParameterStatus, IsReadAsWritten) {
    const auto body = body_of_only(parameter_status{"TimeZone", "Europe/Vienna"});
    EXPECT_EQ(decode_parameter_status(body)->name, "TimeZone");
    EXPECT_EQ(decode_parameter_status(body)->value, "Europe/Vienna");
    expect_only_whole_bodies(body, decode_parameter_status);
}

TEST(BackendKeyData, HasAKeyOfFourTo256Bytes) {
    for (std::size_t size = 0; size <= 300; ++size) {
        const std::string key(size, '\xee');
        const auto body = body_of_only(backend_key_data{-5, key});
        const auto read = decode_backend_key_data(body);
        if (size >= 4 && size <= 256) {
            ASSERT_TRUE(read) << size;
            EXPECT_EQ(read->process_id, -5);
            EXPECT_EQ(read->secret_key, key);
        } else {
            EXPECT_EQ(read.error(), decode_errc::bad_length) << size;
        }
    }
    EXPECT_EQ(decode_backend_key_data("abc").error(), decode_errc::short_body);
}

TEST(NotificationResponse, IsReadAsWritten) {
    const auto body = body_of_only(notification_response{42, "channel", "payload"});
    const auto read = decode_notification_response(body);
    ASSERT_TRUE(read);
    EXPECT_EQ(read->process_id, 42);
    EXPECT_EQ(read->channel, "channel");
    EXPECT_EQ(read->payload, "payload");
    expect_only_whole_bodies(body, decode_notification_response);
}

} // namespace
} // namespace pgweir::protocol
