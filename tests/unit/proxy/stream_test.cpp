#include "proxy/net/stream.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <string>

namespace pgweir {

namespace {

class stream_pair : public ::testing::Test {
protected:
    class sink final : public stream::reader {
    public:
        [[nodiscard]] bool wants_no_input() const override { return full; }
        void on_bytes(std::string_view chunk) override {
            read.append(chunk);
            full = full_after != 0 && read.size() >= full_after;
        }
        void on_end(const error_code&) override { ended = true; }

        std::string read;
        std::size_t full_after = 0;
        bool full = false;
        bool ended = false;
    };

    stream_pair() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()), 0);
        peer = ends[0];
        stream_socket socket{context.get_executor()};
        socket.assign(asio::generic::stream_protocol{AF_UNIX, 0}, ends[1]);
        io = std::make_shared<stream>(std::move(socket));
    }
    ~stream_pair() override {
        io->close();
        run();
        hang_up();
    }
    void start() { io->start_reading(to, scratch); }
    void run() {
        context.restart();
        context.poll();
    }
    void say(std::string_view text) {
        EXPECT_EQ(::send(peer, text.data(), text.size(), 0), static_cast<::ssize_t>(text.size()));
    }
    void hang_up() {
        if (peer >= 0) ::close(std::exchange(peer, -1));
    }

    asio::io_context context{1};
    std::array<char, 16> scratch{};
    std::shared_ptr<sink> to = std::make_shared<sink>();
    std::shared_ptr<stream> io;
    int peer = -1;
};

} // namespace

TEST_F(stream_pair, ReadsWhatComesAndTheEnd) {
    say("early");
    start();
    run();
    EXPECT_EQ(to->read, "early");
    for (int i = 0; i < 5; ++i) {
        say("+more");
        run();
    }
    EXPECT_EQ(to->read, "early+more+more+more+more+more");
    say("and a text of more than one scratch buffer");
    run();
    EXPECT_TRUE(to->read.ends_with("scratch buffer"));
    EXPECT_FALSE(to->ended);
    hang_up();
    run();
    EXPECT_TRUE(to->ended);
}

TEST_F(stream_pair, AnEndThatComesWithTheLastBytesIsFound) {
    start();
    say("first");
    run();
    say("last");
    hang_up();
    run();
    EXPECT_EQ(to->read, "firstlast");
    io->look_for_end();
    run();
    EXPECT_TRUE(to->ended);
}

TEST_F(stream_pair, WhereAnEndIsExpectedNobodyNeedsToLook) {
    start();
    say("first");
    run();
    io->expect_end();
    to->full_after = 9; // an end behind what filled the reader
    say("last");
    hang_up();
    run();
    EXPECT_FALSE(to->ended);
    to->full = false;
    to->full_after = 0;
    io->resume_reading();
    run();
    EXPECT_TRUE(to->ended);
}

TEST_F(stream_pair, AFullReaderIsNotGivenMoreAndMissesNothing) {
    to->full_after = 3;
    start();
    say("one");
    run();
    say("two");
    run();
    EXPECT_EQ(to->read, "one");
    to->full = false;
    to->full_after = 0;
    io->resume_reading();
    run();
    EXPECT_EQ(to->read, "onetwo");
}

TEST_F(stream_pair, ClosingEndsTheReadingOnce) {
    start();
    run();
    io->close();
    EXPECT_FALSE(to->ended) << "not within the call";
    run();
    EXPECT_TRUE(to->ended);
}

} // namespace pgweir
