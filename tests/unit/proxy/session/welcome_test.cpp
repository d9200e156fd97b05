#include "protocol/session_parameters.hpp"
#include "proxy/session/welcome.hpp"

#include <gtest/gtest.h>

namespace pgweir {
namespace {

std::string status(std::string_view name, std::string_view value) {
    std::string out;
    encode(protocol::parameter_status{name, value}, out);
    return out;
}

const welcome servers{
    {{"TimeZone", "UTC"}, {"client_encoding", "UTF8"}, {"is_superuser", "on"}}, {}, true};

std::string told(const parameter_map& own) {
    std::string out = "before";
    servers.tell(own, out);
    return out;
}

TEST(Welcome, TellsWhatTheServerSaidInItsOrder) {
    EXPECT_EQ(told({}), "before" + status("TimeZone", "UTC") + status("client_encoding", "UTF8") +
                            status("is_superuser", "on"));
}

TEST(Welcome, TellsTheClientsOwnStartUpValues) {
    EXPECT_EQ(told({{"timezone", "Asia/Tokyo"}, {"work_mem", "1MB"}}),
              "before" + status("TimeZone", "Asia/Tokyo") + status("client_encoding", "UTF8") +
                  status("is_superuser", "on"));
}

TEST(Welcome, FindsByLowerCaseName) {
    EXPECT_EQ(servers.find("timezone"), "UTC");
    EXPECT_EQ(servers.find("TimeZone"), std::nullopt);
    EXPECT_EQ(servers.find("work_mem"), std::nullopt);
}

} // namespace
} // namespace pgweir
