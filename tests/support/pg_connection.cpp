#include "tests/support/pg_connection.hpp"

#include <poll.h>

#include <array>
#include <stdexcept>

namespace pgweir::test {

bool pg_result::ok() const {
    switch (status()) {
    case PGRES_EMPTY_QUERY:
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
    case PGRES_SINGLE_TUPLE:
    case PGRES_COPY_IN:
    case PGRES_COPY_OUT:
    case PGRES_PIPELINE_SYNC:
        return true;
    default:
        return false;
    }
}

std::string pg_result::sqlstate() const {
    const char* state = PQresultErrorField(result_.get(), PG_DIAG_SQLSTATE);
    if (state != nullptr) return state;
    return ok() ? "" : "lost: " + message();
}

std::string pg_result::column_name(int column) const {
    const char* name = PQfname(result_.get(), column);
    return name == nullptr ? "" : name;
}

int pg_result::column(const std::string& name) const {
    return PQfnumber(result_.get(), ("\"" + name + "\"").c_str());
}

bool pg_result::is_null(int row, int column) const {
    return PQgetisnull(result_.get(), row, column) == 1;
}

std::string pg_result::value(int row, int column) const {
    if (row >= rows() || column < 0 || column >= columns())
        throw std::runtime_error("no such value; " + message());
    return {PQgetvalue(result_.get(), row, column),
            static_cast<std::size_t>(PQgetlength(result_.get(), row, column))};
}

std::string pg_result::value(int row, const std::string& name) const {
    const int index = column(name);
    if (index < 0) throw std::runtime_error("no column " + name + "; " + message());
    return value(row, index);
}

pg_connection::pg_connection(const std::string& conninfo)
    : notices_{std::make_unique<std::vector<std::string>>()},
      connection_{PQconnectdb(conninfo.c_str()), &PQfinish} {
    PQsetNoticeProcessor(
        connection_.get(),
        [](void* notices, const char* message) {
            static_cast<std::vector<std::string>*>(notices)->emplace_back(message);
        },
        notices_.get());
}

PGTransactionStatusType pg_connection::transaction_status() const {
    return PQtransactionStatus(connection_.get());
}

std::string pg_connection::parameter(const std::string& name) const {
    const char* value = PQparameterStatus(connection_.get(), name.c_str());
    return value == nullptr ? "(not announced)" : value;
}

pg_result pg_connection::exec(const std::string& sql) {
    return pg_result{PQexec(connection_.get(), sql.c_str())};
}

namespace {

std::vector<const char*> pointers(const std::vector<std::string>& parameters) {
    std::vector<const char*> values;
    for (const auto& parameter : parameters)
        values.push_back(parameter.c_str());
    return values;
}

} // namespace

pg_result pg_connection::exec_params(const std::string& sql,
                                     const std::vector<std::string>& parameters) {
    const auto values = pointers(parameters);
    return pg_result{PQexecParams(connection_.get(), sql.c_str(), static_cast<int>(values.size()),
                                  nullptr, values.data(), nullptr, nullptr, 0)};
}

pg_result pg_connection::prepare(const std::string& name, const std::string& sql) {
    return pg_result{PQprepare(connection_.get(), name.c_str(), sql.c_str(), 0, nullptr)};
}

pg_result pg_connection::exec_prepared(const std::string& name,
                                       const std::vector<std::string>& parameters) {
    const auto values = pointers(parameters);
    return pg_result{PQexecPrepared(connection_.get(), name.c_str(),
                                    static_cast<int>(values.size()), values.data(), nullptr,
                                    nullptr, 0)};
}

std::string pg_connection::value(const std::string& sql) {
    const auto result = exec(sql);
    if (result.status() != PGRES_TUPLES_OK || result.rows() == 0)
        throw std::runtime_error("\"" + sql + "\" gave no row; " + result.message() + error());
    return result.value();
}

void pg_connection::must(const std::string& sql) {
    const auto result = exec(sql);
    if (!result.ok())
        throw std::runtime_error("\"" + sql + "\" failed: " + result.message() + error());
}

std::vector<pg_result> pg_connection::exec_all(const std::string& sql) {
    send(sql);
    std::vector<pg_result> results;
    while (auto result = next_result())
        results.push_back(std::move(*result));
    return results;
}

void pg_connection::send(const std::string& sql) {
    if (PQsendQuery(connection_.get(), sql.c_str()) != 1)
        throw std::runtime_error("cannot send: " + error());
}

std::optional<pg_result> pg_connection::next_result() {
    PGresult* result = PQgetResult(connection_.get());
    if (result == nullptr) return std::nullopt;
    return pg_result{result};
}

bool pg_connection::answered_within(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (PQisBusy(connection_.get()) == 1) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0)
            return false;
        if (PQconsumeInput(connection_.get()) != 1) return true; // lost: an answer of a kind
    }
    return true;
}

std::optional<std::pair<std::string, std::string>>
pg_connection::notification(std::chrono::milliseconds limit) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    for (;;) {
        if (PGnotify* notify = PQnotifies(connection_.get())) {
            std::pair<std::string, std::string> result{notify->relname, notify->extra};
            PQfreemem(notify);
            return result;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        pollfd readable{PQsocket(connection_.get()), POLLIN, 0};
        if (left.count() <= 0 || ::poll(&readable, 1, static_cast<int>(left.count())) <= 0)
            return std::nullopt;
        if (PQconsumeInput(connection_.get()) != 1) return std::nullopt;
    }
}

bool pg_connection::cancel() {
    PGcancel* request = PQgetCancel(connection_.get());
    if (request == nullptr) return false;
    std::array<char, 256> error{};
    const bool sent = PQcancel(request, error.data(), static_cast<int>(error.size())) == 1;
    PQfreeCancel(request);
    return sent;
}

} // namespace pgweir::test
