// libpq for tests: a connection and its results as values. Blocking; one thread each.
#pragma once

#include <libpq-fe.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgweir::test {

class pg_result {
public:
    explicit pg_result(PGresult* result) : result_{result, &PQclear} {}

    [[nodiscard]] ExecStatusType status() const { return PQresultStatus(result_.get()); }
    [[nodiscard]] bool ok() const;
    /// Empty if there was no error.
    [[nodiscard]] std::string sqlstate() const;
    [[nodiscard]] std::string message() const { return PQresultErrorMessage(result_.get()); }
    [[nodiscard]] std::string tag() const { return PQcmdStatus(result_.get()); }
    [[nodiscard]] int rows() const { return PQntuples(result_.get()); }
    [[nodiscard]] int columns() const { return PQnfields(result_.get()); }
    [[nodiscard]] std::string column_name(int column) const;
    /// The index of a column, -1 if there is none of that name.
    [[nodiscard]] int column(const std::string& name) const;
    [[nodiscard]] bool is_null(int row, int column) const;
    [[nodiscard]] std::string value(int row = 0, int column = 0) const;
    [[nodiscard]] std::string value(int row, const std::string& column_name) const;

private:
    std::unique_ptr<PGresult, void (*)(PGresult*)> result_;
};

class pg_connection {
public:
    /// Never throws; look at connected() and error().
    explicit pg_connection(const std::string& conninfo);

    [[nodiscard]] bool connected() const { return PQstatus(connection_.get()) == CONNECTION_OK; }
    [[nodiscard]] std::string error() const { return PQerrorMessage(connection_.get()); }
    [[nodiscard]] PGconn* handle() const { return connection_.get(); }
    [[nodiscard]] int backend_pid() const { return PQbackendPID(connection_.get()); }
    [[nodiscard]] PGTransactionStatusType transaction_status() const;
    [[nodiscard]] std::string parameter(const std::string& name) const;

    pg_result exec(const std::string& sql);
    /// By the extended protocol, with the unnamed statement; text parameters.
    pg_result exec_params(const std::string& sql, const std::vector<std::string>& parameters = {});
    pg_result prepare(const std::string& name, const std::string& sql);
    pg_result exec_prepared(const std::string& name,
                            const std::vector<std::string>& parameters = {});
    /// The first value of the first row. Throws std::runtime_error with the server's message.
    std::string value(const std::string& sql);
    /// Throws std::runtime_error with the server's message if it fails.
    void must(const std::string& sql);

    /// Several results of one simple query.
    std::vector<pg_result> exec_all(const std::string& sql);
    void send(const std::string& sql);
    /// The next result of what was sent, or empty at the end. Blocks.
    std::optional<pg_result> next_result();
    /// Whether an answer to what was sent has arrived within `limit`.
    bool answered_within(std::chrono::milliseconds limit);
    /// The channel and payload of the next notification, or empty after `limit`.
    std::optional<std::pair<std::string, std::string>>
    notification(std::chrono::milliseconds limit);
    /// Sends a cancel request for this connection.
    bool cancel();
    void close() { connection_.reset(); }

    /// The messages of all notices so far.
    [[nodiscard]] const std::vector<std::string>& notices() const { return *notices_; }

private:
    std::unique_ptr<std::vector<std::string>> notices_;
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
};

} // namespace pgweir::test
