#include "proxy/cluster/pg_link.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <libpq-fe.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace pgweir {
namespace {

using namespace asio::experimental::awaitable_operators;
using descriptor = asio::posix::basic_stream_descriptor<io_executor>;

// `||` needs awaitables; an error as a tuple counts as an end, not as an exception.
constexpr auto as_value = asio::as_tuple(asio::use_awaitable_t<io_executor>{});

struct result_closer {
    void operator()(PGresult* result) const { PQclear(result); }
};
using result_ptr = std::unique_ptr<PGresult, result_closer>;

std::string first_line(const char* message) {
    std::string_view text{message == nullptr ? "" : message};
    text = text.substr(0, text.find('\n'));
    return std::string{text};
}

// libpq does not give the SQLSTATE of a refused login; in verbose reports it stands between
// severity and text, whatever the language: "FATAL:  53300: sorry, too many clients already".
std::string sqlstate_in(std::string_view message) {
    constexpr std::size_t length = 5;
    for (auto at = message.find(":  "); at != std::string_view::npos;
         at = message.find(":  ", at + 1)) {
        const auto code = message.substr(at + 3, length);
        const auto after = message.substr(std::min(at + 3 + length, message.size()), 1);
        if (code.size() == length && after == ":" && std::ranges::all_of(code, [](unsigned char c) {
                return std::isdigit(c) != 0 || std::isupper(c) != 0;
            }))
            return std::string{code};
    }
    return {};
}

pg_rows copy_rows(const PGresult* result) {
    pg_rows rows;
    const int columns = PQnfields(result);
    for (int row = 0; row < PQntuples(result); ++row) {
        auto& out = rows.emplace_back();
        out.reserve(static_cast<std::size_t>(columns));
        for (int column = 0; column < columns; ++column) {
            if (PQgetisnull(result, row, column) != 0)
                out.emplace_back();
            else
                out.emplace_back(std::in_place, PQgetvalue(result, row, column),
                                 static_cast<std::size_t>(PQgetlength(result, row, column)));
        }
    }
    return rows;
}

// libpq owns the descriptor: it is lent for one wait and never closed here, whatever ends the wait.
struct borrowed_descriptor {
    borrowed_descriptor(const io_executor& executor, int fd) : watched{executor, fd} {}
    ~borrowed_descriptor() { watched.release(); }
    borrowed_descriptor(const borrowed_descriptor&) = delete;
    borrowed_descriptor& operator=(const borrowed_descriptor&) = delete;

    descriptor watched;
};

void ignore_notice(void* /*unused*/, const PGresult* /*unused*/) {}

} // namespace

failure_kind classify_sqlstate(const std::string& sqlstate) {
    if (sqlstate == "53300" || sqlstate == "57P03") return failure_kind::busy;
    if (sqlstate == "28P01" || sqlstate == "28000") return failure_kind::wrong_password;
    if (sqlstate == "57P01" || sqlstate == "57P02" || sqlstate == "57P05")
        return failure_kind::reset;
    return failure_kind::other;
}

pg_link::pg_link(io_executor executor) : executor_{executor}, timer_{executor} {}

pg_link::~pg_link() {
    close();
}

void pg_link::close() {
    if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
}

void pg_link::end_wait() {
    timer_.cancel();
}

void pg_link::interrupt() {
    interrupted_ = true;
    end_wait();
}

link_failure pg_link::lost(failure_kind kind, std::string text) {
    close();
    return {{kind, std::move(text)}, {}};
}

// One descriptor per wait, because libpq may replace its socket at its next step.
task<bool> pg_link::wait(readiness wanted, time_point deadline) {
    if (interrupted_) co_return false;
    borrowed_descriptor socket{executor_, PQsocket(connection_)};
    timer_.expires_at(deadline);
    const auto type =
        wanted == readiness::readable ? descriptor::wait_read : descriptor::wait_write;
    auto ready = socket.watched.async_wait(type, as_value);
    auto late = timer_.async_wait(as_value);
    const auto first = co_await (std::move(ready) || std::move(late));
    co_return first.index() == 0;
}

task<std::optional<link_failure>> pg_link::connect(setting_list options, time_point deadline) {
    close();
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : options) {
        names.push_back(name.c_str());
        values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    connection_ = PQconnectStartParams(names.data(), values.data(), 0);
    if (connection_ == nullptr) co_return lost(failure_kind::other, "out of memory");
    PQsetErrorVerbosity(connection_, PQERRORS_VERBOSE);
    PQsetNoticeReceiver(connection_, &ignore_notice, nullptr);
    if (PQstatus(connection_) == CONNECTION_BAD)
        co_return lost(failure_kind::refused, first_line(PQerrorMessage(connection_)));

    auto reached = CONNECTION_STARTED;
    auto next = PGRES_POLLING_WRITING;
    while (next != PGRES_POLLING_OK && next != PGRES_POLLING_FAILED) {
        const auto wanted =
            next == PGRES_POLLING_READING ? readiness::readable : readiness::writable;
        const bool in_time = co_await wait(wanted, deadline);
        if (!in_time) co_return lost(failure_kind::timed_out, "no answer to the login in time");
        next = PQconnectPoll(connection_);
        if (next != PGRES_POLLING_FAILED) reached = PQstatus(connection_);
    }
    if (next == PGRES_POLLING_OK) {
        PQsetnonblocking(connection_, 1);
        co_return std::nullopt;
    }
    const std::string message = PQerrorMessage(connection_);
    auto sqlstate = sqlstate_in(message);
    auto kind = failure_kind::reset;
    if (!sqlstate.empty())
        kind = classify_sqlstate(sqlstate);
    else if (reached == CONNECTION_STARTED || reached == CONNECTION_NEEDED)
        kind = failure_kind::refused;
    else if (reached == CONNECTION_SSL_STARTUP)
        kind = failure_kind::other;
    auto failure = lost(kind, first_line(message.c_str()));
    failure.sqlstate = std::move(sqlstate);
    co_return failure;
}

task<query_outcome> pg_link::query(std::string sql, time_point deadline) {
    query_outcome out;
    if (connection_ == nullptr) {
        out.failure = lost(failure_kind::reset, "not connected");
        co_return out;
    }
    if (PQsendQuery(connection_, sql.c_str()) == 0) {
        out.failure = lost(failure_kind::reset, first_line(PQerrorMessage(connection_)));
        co_return out;
    }
    for (int left = PQflush(connection_); left != 0; left = PQflush(connection_)) {
        if (left < 0) {
            out.failure = lost(failure_kind::reset, first_line(PQerrorMessage(connection_)));
            co_return out;
        }
        const bool in_time = co_await wait(readiness::writable, deadline);
        if (!in_time) {
            out.failure = lost(failure_kind::timed_out, "a query could not be sent in time");
            co_return out;
        }
    }
    out.failure = co_await receive(out.rows, deadline);
    co_return out;
}

task<std::optional<link_failure>> pg_link::receive(pg_rows& rows, time_point deadline) {
    std::optional<link_failure> failure;
    for (;;) {
        while (PQisBusy(connection_) != 0) {
            const bool in_time = co_await wait(readiness::readable, deadline);
            if (!in_time) co_return lost(failure_kind::timed_out, "no answer to a query in time");
            if (PQconsumeInput(connection_) == 0)
                co_return lost(failure_kind::reset, first_line(PQerrorMessage(connection_)));
        }
        const result_ptr result{PQgetResult(connection_)};
        if (!result) break;
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_TUPLES_OK) {
            rows = copy_rows(result.get());
        } else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && !failure) {
            const char* code = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
            std::string sqlstate = code == nullptr ? "" : code;
            const auto kind = sqlstate.empty() ? failure_kind::reset : classify_sqlstate(sqlstate);
            failure = link_failure{{kind, first_line(PQresultErrorMessage(result.get()))},
                                   std::move(sqlstate)};
        }
    }
    if (PQstatus(connection_) == CONNECTION_BAD || (failure && failure->sqlstate.empty())) {
        auto gone = lost(failure_kind::reset, first_line(PQerrorMessage(connection_)));
        if (!failure || failure->what.text.empty()) co_return gone;
        failure->what.kind = failure_kind::reset;
    }
    co_return failure;
}

std::string pg_link::address() const {
    const char* text = connection_ == nullptr ? nullptr : PQhostaddr(connection_);
    return text == nullptr ? "" : text;
}

std::optional<std::string> pg_link::parameter(const char* name) const {
    const char* value = connection_ == nullptr ? nullptr : PQparameterStatus(connection_, name);
    if (value == nullptr) return std::nullopt;
    return value;
}

std::uint32_t pg_link::server_version() const {
    return connection_ == nullptr ? 0 : static_cast<std::uint32_t>(PQserverVersion(connection_));
}

task<std::optional<std::vector<std::string>>>
resolve(io_executor executor, std::string host, std::chrono::steady_clock::time_point deadline) {
    std::vector<std::string> addresses;
    if (host.starts_with('/') || host.starts_with('@')) co_return addresses;
    error_code not_numeric;
    const auto numeric = asio::ip::make_address(host, not_numeric);
    if (!not_numeric) {
        addresses.push_back(numeric.to_string());
        co_return addresses;
    }
    asio::ip::basic_resolver<asio::ip::tcp, io_executor> resolver{executor};
    steady_timer timer{executor, deadline};
    auto found = resolver.async_resolve(host, "", as_value);
    auto late = timer.async_wait(as_value);
    const auto first = co_await (std::move(found) || std::move(late));
    if (first.index() != 0) co_return std::nullopt;
    const auto& [ec, results] = std::get<0>(first);
    if (ec) co_return std::nullopt;
    for (const auto& entry : results) {
        auto address = entry.endpoint().address().to_string();
        if (std::ranges::find(addresses, address) == addresses.end())
            addresses.push_back(std::move(address));
    }
    co_return addresses;
}

} // namespace pgweir
