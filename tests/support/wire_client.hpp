// A client that sends exactly the bytes a test wants, and reads messages with a deadline.
#pragma once

#include "tests/support/postgres_cluster.hpp"
#include "tests/support/wait.hpp"
#include "tests/support/wire.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::test {

class wire_client {
public:
    /// Connects to an IPv4 address. Throws std::runtime_error.
    explicit wire_client(int port, const std::string& host = "127.0.0.1");
    /// Connects to a Unix socket. Throws std::runtime_error.
    explicit wire_client(const std::filesystem::path& socket);
    ~wire_client();
    wire_client(wire_client&& other) noexcept;
    wire_client& operator=(wire_client&& other) noexcept;
    wire_client(const wire_client&) = delete;
    wire_client& operator=(const wire_client&) = delete;

    /// All of it; false if the other side is gone.
    bool send(std::string_view bytes);
    /// In pieces of `size` bytes, each a write of its own.
    bool send_in_pieces(std::string_view bytes, std::size_t size = 1);

    /// The next message; empty at end of stream or after `limit` (then at_end() tells which).
    std::optional<wire_message> read(std::chrono::milliseconds limit = patience);
    /// Messages up to and with the `count`th ReadyForQuery, or until the stream ends or `limit`.
    std::vector<wire_message> read_until_ready(int count = 1,
                                               std::chrono::milliseconds limit = patience);
    /// Messages up to and with the first of type `last`, or until the stream ends or `limit`.
    std::vector<wire_message> read_until(char last, std::chrono::milliseconds limit = patience);
    /// Messages up to the end of the stream.
    std::vector<wire_message> read_to_end(std::chrono::milliseconds limit = patience);
    /// A byte outside messages: the answer to SSLRequest. Empty at the end of stream or `limit`.
    std::optional<char> read_byte(std::chrono::milliseconds limit = patience);
    /// Whether the other side has closed or reset, within `limit`; drops what it still says.
    bool closed_by_peer(std::chrono::milliseconds limit = patience);
    /// Whether nothing at all arrives for `duration`.
    bool silent_for(std::chrono::milliseconds duration);
    [[nodiscard]] bool at_end() const { return at_end_; }

    /// send() and read_until_ready().
    std::vector<wire_message> converse(std::string_view bytes, int ready_count = 1);

    /// Startup and authentication (trust, password, md5, SCRAM) up to ReadyForQuery or an error;
    /// the messages after AuthenticationOk, or the error alone.
    std::vector<wire_message> login(const account& who,
                                    const std::string& database = "app",
                                    const wire::startup_parameters& more = {});
    /// Answers authentication requests until AuthenticationOk (empty) or an error (that message).
    std::optional<wire_message> authenticate(const account& who);

    [[nodiscard]] std::int32_t pid() const { return pid_; }
    [[nodiscard]] const std::string& key() const { return key_; }
    [[nodiscard]] int descriptor() const { return socket_; }

    /// Closes with a RST: what a crashed host or `kill -9` under load looks like.
    void reset();
    void close();
    void shut_down_writing();

private:
    bool fill(std::chrono::steady_clock::time_point deadline);
    std::optional<wire_message> answer_sasl(const account& who);

    int socket_ = -1;
    std::string input_;
    bool at_end_ = false;
    std::int32_t pid_ = 0;
    std::string key_;
};

/// A logged-in client; throws std::runtime_error with the error otherwise.
wire_client logged_in(int port,
                      const account& who = accounts::app,
                      const std::string& database = "app",
                      const wire::startup_parameters& more = {});

} // namespace pgweir::test
