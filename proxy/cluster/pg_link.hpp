// One libpq connection driven by Asio without blocking: connect, one query at a time, close. For
// the monitor and the catalog reader, on the control thread; the query path has its own protocol
// code.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/cluster/node_evidence.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

struct pg_conn;

namespace pgweir {

/// One query's rows as text; an absent value is NULL.
using pg_rows = std::vector<std::vector<std::optional<std::string>>>;

/// What went wrong, and the server's SQLSTATE if it was the server that said so.
struct link_failure {
    node_failure what;
    std::string sqlstate;
};

struct query_outcome {
    std::optional<link_failure> failure;
    pg_rows rows;
};

/// Classifies a server's refusal: 53300 and 57P03 are busy, 28P01 wrong_password, 57P01 reset ...
[[nodiscard]] failure_kind classify_sqlstate(const std::string& sqlstate);

class pg_link {
public:
    using time_point = std::chrono::steady_clock::time_point;

    explicit pg_link(io_executor executor);
    ~pg_link();
    pg_link(const pg_link&) = delete;
    pg_link& operator=(const pg_link&) = delete;

    /// Opens a connection with libpq's option names and values; closes a former one. Names must be
    /// resolved before (option hostaddr): libpq would block.
    [[nodiscard]] task<std::optional<link_failure>> connect(setting_list options,
                                                            time_point deadline);

    /// A simple Query of one statement. After a failure without a SQLSTATE the link is closed.
    [[nodiscard]] task<query_outcome> query(std::string sql, time_point deadline);

    [[nodiscard]] bool is_open() const { return connection_ != nullptr; }
    /// The numeric address that the connection goes to; empty for a Unix socket.
    [[nodiscard]] std::string address() const;
    /// A ParameterStatus value; empty if the server sent none.
    [[nodiscard]] std::optional<std::string> parameter(const char* name) const;
    [[nodiscard]] std::uint32_t server_version() const;

    void close();
    /// A wait that is under way ends at once as timed out.
    void end_wait();
    /// The same, and every later one. For stopping.
    void interrupt();

private:
    enum class readiness : std::uint8_t { readable, writable };

    [[nodiscard]] task<bool> wait(readiness wanted, time_point deadline);
    [[nodiscard]] task<std::optional<link_failure>> receive(pg_rows& rows, time_point deadline);
    [[nodiscard]] link_failure lost(failure_kind kind, std::string text);

    io_executor executor_;
    steady_timer timer_;
    pg_conn* connection_ = nullptr;
    bool interrupted_ = false;
};

/// The numeric addresses of a host name, in the resolver's order. A numeric address is itself; a
/// directory gives none.
[[nodiscard]] task<std::optional<std::vector<std::string>>>
resolve(io_executor executor, std::string host, std::chrono::steady_clock::time_point deadline);

} // namespace pgweir
