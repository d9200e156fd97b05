// Over a loopback connection within the process: both ends live on one io_context, nothing waits
// for a clock.
#include "proxy/http/http_server.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

namespace pgweir {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::StartsWith;
using tcp = asio::ip::tcp;

class HttpServer : public testing::Test {
protected:
    void start(http_limits limits = {}) {
        server.emplace(io.get_executor(), limits, &requests);
        server->on_get("/livez", [] { return http_answer{.status = 200, .body = "alive\n"}; });
        server->on_get("/readyz", [] { return http_answer{.status = 503, .body = "draining\n"}; });
        server->on_get("/broken", []() -> http_answer { throw std::runtime_error{"no"}; });
        const auto bound = server->listen({"127.0.0.1"}, 0);
        ASSERT_TRUE(bound.has_value()) << bound.error().message();
        port = *bound;
    }

    /// All bytes that come back until the server closes.
    std::string talk(const std::string& bytes) {
        tcp::socket peer{io};
        peer.connect({asio::ip::address_v4::loopback(), port});
        asio::write(peer, asio::buffer(bytes));
        std::string answer;
        bool closed = false;
        asio::async_read(peer, asio::dynamic_buffer(answer),
                         [&](error_code, std::size_t) { closed = true; });
        while (!closed)
            io.run_one();
        return answer;
    }

    std::string get(const std::string& path) {
        return talk("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    }

    asio::io_context io{1};
    counter requests;
    std::optional<http_server> server;
    std::uint16_t port = 0;
};

TEST_F(HttpServer, AnswersEachPathByItsHandler) {
    start();
    const auto alive = get("/livez");
    EXPECT_THAT(alive, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(alive, HasSubstr("\r\n\r\nalive\n"));
    EXPECT_THAT(get("/livez?verbose=1"), StartsWith("HTTP/1.1 200"));
    EXPECT_THAT(get("/readyz"), StartsWith("HTTP/1.1 503"));
    EXPECT_EQ(requests.value(), 3U);
}

TEST_F(HttpServer, RefusesOtherPathsAndMethods) {
    start();
    EXPECT_THAT(get("/"), StartsWith("HTTP/1.1 404"));
    EXPECT_THAT(get("/"), HasSubstr("/livez"));
    const auto posted = talk("POST /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(posted, StartsWith("HTTP/1.1 405"));
    EXPECT_THAT(posted, HasSubstr("Allow: GET\r\n"));
}

TEST_F(HttpServer, AHandlerThatThrowsIsAnErrorForItsRequestOnly) {
    start();
    EXPECT_THAT(get("/broken"), StartsWith("HTTP/1.1 500"));
    EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServer, KeepsAConnectionAliveAndAnswersInOrder) {
    start();
    const auto both = talk("GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
                           "GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(both, HasSubstr("alive\n"));
    EXPECT_THAT(both, HasSubstr("draining\n"));
    EXPECT_LT(both.find("alive"), both.find("draining"));
}

TEST_F(HttpServer, BadRequestsAreToldAndEndTheConnection) {
    start();
    EXPECT_THAT(talk("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
    EXPECT_THAT(talk("GET /livez HTTP/1.1\r\nHost: x\r\nX: " + std::string(9000, 'a') + "\r\n\r\n"),
                StartsWith("HTTP/1.1 431"));
    EXPECT_THAT(talk("GET /livez HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello"),
                StartsWith("HTTP/1.1 413"));
    EXPECT_THAT(get("/livez"), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServer, ASilentPeerIsDroppedAfterItsTime) {
    start({.request_timeout = 5ms});
    EXPECT_EQ(talk("GET /livez HT"), "");
}

TEST_F(HttpServer, MoreConnectionsThanAllowedAreClosedAtOnce) {
    start({.connections = 0});
    EXPECT_EQ(get("/livez"), "");
}

TEST_F(HttpServer, StopEndsListenersAndConnections) {
    start();
    tcp::socket peer{io};
    peer.connect({asio::ip::address_v4::loopback(), port});
    io.poll();
    server->stop();
    io.run(); // returns only when no coroutine is left
    error_code ec;
    tcp::socket late{io};
    late.connect({asio::ip::address_v4::loopback(), port}, ec);
    EXPECT_EQ(ec, asio::error::connection_refused);
}

TEST_F(HttpServer, SaysWhyItCannotListen) {
    start();
    http_server second{io.get_executor()};
    EXPECT_EQ(second.listen({"127.0.0.1"}, port).error(), asio::error::address_in_use);
    EXPECT_TRUE(second.listen({"not a host name"}, 0).has_error());
    EXPECT_TRUE(second.listen({"*"}, 0).has_value());
}

} // namespace
} // namespace pgweir
