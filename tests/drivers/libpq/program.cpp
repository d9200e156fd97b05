// libpq: a thread for each client; prepared statements and pipeline mode, cancel, COPY.
#include <libpq-fe.h>
#include <poll.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

using namespace std::chrono_literals;
using text_list = std::vector<std::string>;
using result_ptr = std::unique_ptr<PGresult, decltype(&PQclear)>;

struct failure : std::runtime_error {
    using std::runtime_error::runtime_error;
};

void same(const std::string& got, const std::string& wanted, const std::string& what) {
    if (got != wanted) throw failure{what + ": '" + got + "' instead of '" + wanted + "'"};
}

std::string number(long n) {
    return std::to_string(n);
}

const std::string insert_sql = "insert into driver_rows (client, n, body) values ($1, $2, $3)";
const std::string read_sql = "select body from driver_rows where client = $1 and n = $2";
const std::string numbers_sql =
    "select coalesce(string_agg(n::text, ',' order by n), '') from driver_rows "
    "where client = $1 and n between $2 and $3";

class client {
public:
    explicit client(int number) : number_{number} {}
    ~client() { PQfinish(connection_); }
    client(const client&) = delete;
    client& operator=(const client&) = delete;

    void connect() {
        connection_ = PQconnectdb("");
        if (PQstatus(connection_) != CONNECTION_OK) throw failure{PQerrorMessage(connection_)};
        sees(number(number_), "select $1::int", {number(number_)});
    }

    void check(const std::string& name) {
        static const std::map<std::string, void (client::*)()> checks{
            {"settings", &client::settings},
            {"transactions", &client::transactions},
            {"prepared", &client::prepared},
            {"pipeline", &client::pipeline},
            {"errors", &client::errors},
            {"cancel", &client::cancel},
            {"copy", &client::copy},
            {"own_rows", &client::own_rows},
            {"temporary_table", &client::temporary_table},
            {"hold_cursor", &client::hold_cursor},
            {"listen", &client::listen}};
        (this->*checks.at(name))();
    }

    void reset() {
        if (PQpipelineStatus(connection_) != PQ_PIPELINE_OFF) {
            PQpipelineSync(connection_);
            for (int empty = 0; empty < 2;) {
                const result_ptr result{PQgetResult(connection_), PQclear};
                empty = result ? 0 : empty + 1;
            }
            PQexitPipelineMode(connection_);
        }
        PQclear(PQexec(connection_, "rollback"));
    }

    void run(const std::string& sql) { good({PQexec(connection_, sql.c_str()), PQclear}, sql); }

    void insert(int n) { run_with(insert_sql, row(n)); }

    void refused() {
        const auto began = std::chrono::steady_clock::now();
        fails("53300", [this] { insert(1); });
        if (std::chrono::steady_clock::now() - began > 20s) throw failure{"refused too late"};
    }

private:
    std::string body(int n) const { return number(number_) + ":" + number(n); }
    text_list row(int n) const { return {number(number_), number(n), body(n)}; }

    result_ptr good(result_ptr result, const std::string& what) {
        const auto status = PQresultStatus(result.get());
        if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) return result;
        const char* state = PQresultErrorField(result.get(), PG_DIAG_SQLSTATE);
        failed_with_ = state == nullptr ? "" : state;
        throw failure{what + ": " + PQerrorMessage(connection_)};
    }

    static std::vector<const char*> pointers(const text_list& values) {
        std::vector<const char*> all;
        for (const auto& value : values)
            all.push_back(value.c_str());
        return all;
    }

    result_ptr run_with(const std::string& sql, const text_list& values) {
        const auto all = pointers(values);
        return good({PQexecParams(connection_, sql.c_str(), static_cast<int>(all.size()), nullptr,
                                  all.data(), nullptr, nullptr, 0),
                     PQclear},
                    sql);
    }

    result_ptr execute(const char* name, const text_list& values) {
        const auto all = pointers(values);
        return good({PQexecPrepared(connection_, name, static_cast<int>(all.size()), all.data(),
                                    nullptr, nullptr, 0),
                     PQclear},
                    name);
    }

    void prepare(const char* name, const std::string& sql) {
        good({PQprepare(connection_, name, sql.c_str(), 0, nullptr), PQclear}, sql);
    }

    static std::string value(const result_ptr& result) {
        return PQntuples(result.get()) == 1 ? PQgetvalue(result.get(), 0, 0) : "not one row";
    }

    // The statement's only value is that.
    void sees(const std::string& wanted, const std::string& sql, const text_list& values = {}) {
        same(value(run_with(sql, values)), wanted, sql);
    }

    void fails(const std::string& state, const std::function<void()>& action) {
        failed_with_.clear();
        try {
            action();
        } catch (const failure& error) {
            if (failed_with_ != state) throw failure{"not " + state + ": " + error.what()};
            return;
        }
        throw failure{"no error " + state};
    }

    void settings() {
        for (int step = 0; step < 5; ++step) {
            const auto wanted = number(10001 + 20 * number_ + 2 * step) + "kB";
            run("set work_mem = '" + wanted + "'");
            run("begin");
            run("set local work_mem = '99kB'");
            sees("99kB", "show work_mem");
            run("rollback");
            sees(wanted, "show work_mem");
        }
    }

    void transactions() {
        run("begin");
        insert(1);
        run("commit");
        run("begin");
        insert(2);
        run("rollback");
        run("begin");
        insert(3);
        run("savepoint again");
        fails("23505", [this] { insert(3); });
        run("rollback to again");
        insert(4);
        run("commit");
        rows_ += 3;
        sees("1,3,4", numbers_sql, {number(number_), "1", "9"});
    }

    void prepared() {
        prepare("insert", insert_sql);
        prepare("read", read_sql);
        // Every client has a text of its own under the same name.
        prepare("add", "select $1::int + " + number(number_));
        for (int n = 100; n < 120; ++n) {
            execute("insert", row(n));
            ++rows_;
        }
        for (int n = 100; n < 120; ++n) {
            same(value(execute("read", {number(number_), number(n)})), body(n), "prepared read");
            same(value(execute("add", {number(n)})), number(n + number_), "prepared sum");
        }
        const result_ptr described{PQdescribePrepared(connection_, "read"), PQclear};
        same(number(PQnparams(described.get())), "2", "parameters of a described statement");
        binary_value();
    }

    void binary_value() {
        std::string sent;
        for (int byte = 0; byte < 256; ++byte)
            sent.push_back(static_cast<char>(byte));
        const char* values[] = {sent.data()};
        const int lengths[] = {256};
        const int formats[] = {1};
        const auto result = good({PQexecParams(connection_, "select $1::bytea, null", 1, nullptr,
                                               values, lengths, formats, 1),
                                  PQclear},
                                 "bytes");
        const auto length = static_cast<std::size_t>(PQgetlength(result.get(), 0, 0));
        same({PQgetvalue(result.get(), 0, 0), length}, sent, "bytes");
        same(number(PQgetisnull(result.get(), 0, 1)), "1", "null");
    }

    // Its result, and the empty one after it.
    result_ptr next_in_pipeline() {
        result_ptr result{PQgetResult(connection_), PQclear};
        if (PQresultStatus(result.get()) != PGRES_PIPELINE_SYNC) PQclear(PQgetResult(connection_));
        return result;
    }

    void send(const std::string& sql, const text_list& values) {
        const auto all = pointers(values);
        if (PQsendQueryParams(connection_, sql.c_str(), static_cast<int>(all.size()), nullptr,
                              all.data(), nullptr, nullptr, 0) != 1)
            throw failure{PQerrorMessage(connection_)};
    }

    void pipeline() {
        PQenterPipelineMode(connection_);
        for (int n = 200; n < 210; ++n) {
            send(insert_sql, row(n));
            send(read_sql, {number(number_), number(n)});
            PQpipelineSync(connection_);
        }
        for (int n = 200; n < 210; ++n) {
            good(next_in_pipeline(), "insert in a pipeline");
            same(value(good(next_in_pipeline(), "read")), body(n), "read in a pipeline");
            same(number(PQresultStatus(next_in_pipeline().get())), number(PGRES_PIPELINE_SYNC),
                 "sync");
            ++rows_;
        }
        for (const int n : {210, 200, 211})
            send(insert_sql, row(n));
        PQpipelineSync(connection_);
        send(read_sql, {number(number_), "200"});
        PQpipelineSync(connection_);
        good(next_in_pipeline(), "first of a pipeline that fails");
        fails("23505", [this] { good(next_in_pipeline(), "the second"); });
        same(number(PQresultStatus(next_in_pipeline().get())), number(PGRES_PIPELINE_ABORTED),
             "the third");
        same(number(PQresultStatus(next_in_pipeline().get())), number(PGRES_PIPELINE_SYNC), "sync");
        same(value(good(next_in_pipeline(), "read")), body(200), "read after the failed part");
        same(number(PQresultStatus(next_in_pipeline().get())), number(PGRES_PIPELINE_SYNC), "sync");
        if (PQexitPipelineMode(connection_) != 1) throw failure{PQerrorMessage(connection_)};
        sees("200,201,202,203,204,205,206,207,208,209", numbers_sql,
             {number(number_), "200", "299"});
    }

    void errors() {
        insert(300);
        ++rows_;
        fails("23505", [this] { insert(300); });
        fails("42601", [this] { run("selec 1"); });
        fails("42601", [this] { run_with("selec $1::int", {"1"}); });
        run("begin");
        fails("22012", [this] { run_with("select 1 / $1::int", {"0"}); });
        fails("25P02", [this] { run("select 1"); });
        run("rollback");
        sees(number(number_), "select $1::int", {number(number_)});
    }

    void cancel() {
        run("begin");
        insert(400);
        std::atomic<bool> done{false};
        std::thread canceller{[this, &done] {
            const std::unique_ptr<PGcancel, decltype(&PQfreeCancel)> to{PQgetCancel(connection_),
                                                                        PQfreeCancel};
            char why[256];
            for (int waited = 1; !done; ++waited) {
                std::this_thread::sleep_for(10ms);
                if (waited % 10 == 0) PQcancel(to.get(), why, sizeof why);
            }
        }};
        try {
            fails("57014", [this] { run("select pg_sleep(30)"); });
        } catch (...) {
            done = true;
            canceller.join();
            throw;
        }
        done = true;
        canceller.join();
        run("rollback");
        sees("", numbers_sql, {number(number_), "400", "400"});
    }

    void copy() {
        std::string sent;
        for (int n = 1000; n < 1500; ++n)
            sent += number(number_) + "\t" + number(n) + "\t" + body(n) + "\n";
        PQclear(PQexec(connection_, "copy driver_rows (client, n, body) from stdin"));
        if (PQputCopyData(connection_, sent.data(), static_cast<int>(sent.size())) != 1 ||
            PQputCopyEnd(connection_, nullptr) != 1)
            throw failure{PQerrorMessage(connection_)};
        good({PQgetResult(connection_), PQclear}, "copy in");
        PQclear(PQgetResult(connection_));
        rows_ += 500;
        const auto sql =
            "copy (select client, n, body from driver_rows where client = " + number(number_) +
            " and n >= 1000 order by n) to stdout";
        PQclear(PQexec(connection_, sql.c_str()));
        std::string received;
        char* line = nullptr;
        for (int length; (length = PQgetCopyData(connection_, &line, 0)) > 0; PQfreemem(line))
            received.append(line, static_cast<std::size_t>(length));
        good({PQgetResult(connection_), PQclear}, "copy out");
        PQclear(PQgetResult(connection_));
        if (received != sent) throw failure{"rows copied out: others than copied in"};
    }

    void own_rows() {
        sees(number(rows_) + " 0",
             "select count(*) || ' ' || count(*) filter (where body <> client || ':' || n) from "
             "driver_rows "
             "where client = $1",
             {number(number_)});
    }

    void temporary_table() {
        run("create temporary table mine (n int, body text)");
        for (int step = 1; step <= 3; ++step) {
            run("begin");
            for (int n = 0; n < 10; ++n)
                run_with("insert into mine values ($1, $2)", {number(n), body(0)});
            run("commit");
            sees(number(10 * step), "select count(*) from mine where body = $1", {body(0)});
        }
        run("drop table mine");
    }

    void hold_cursor() {
        run("begin");
        run("declare held cursor with hold for select generate_series(" + number(number_) + ", " +
            number(number_ + 19) + ")");
        run("commit");
        for (int n = number_; n < number_ + 20; n += 5) {
            const auto found = run_with("fetch 5 from held", {});
            same(number(PQntuples(found.get())), "5", "rows fetched");
            same(PQgetvalue(found.get(), 0, 0), number(n), "first of them");
            sees(number(n), "select $1::int", {number(n)});
        }
        run("close held");
    }

    void listen() {
        const auto channel = "drivers_" + number(number_);
        run("listen " + channel);
        client other{number_};
        other.connect();
        other.run_with("select pg_notify($1, $2)", {channel, body(0)});
        pollfd readable{PQsocket(connection_), POLLIN, 0};
        if (poll(&readable, 1, 10000) != 1) throw failure{"no notification in 10 s"};
        PQconsumeInput(connection_);
        const std::unique_ptr<PGnotify, decltype(&PQfreemem)> got{PQnotifies(connection_),
                                                                  PQfreemem};
        if (!got) throw failure{"no notification"};
        same(got->extra, body(0), "payload");
        run("unlisten *");
    }

    int number_;
    long rows_ = 0;
    PGconn* connection_ = nullptr;
    std::string failed_with_; // the SQLSTATE of the last error
};

class results {
public:
    void attempt(const std::string& check, int number, const std::function<void()>& action) {
        try {
            action();
        } catch (const std::exception& error) {
            const std::lock_guard guard{mutex_};
            reasons_[check].push_back("client " + std::to_string(number) + ": " + error.what());
        }
    }

    bool failed(const std::string& check) const { return reasons_.contains(check); }

    void print(const text_list& checks) const {
        for (const auto& check : checks) {
            const auto found = reasons_.find(check);
            if (found == reasons_.end()) {
                std::cout << "ok " << check << "\n";
                continue;
            }
            auto why = found->second.front();
            for (auto& letter : why)
                if (letter == '\n') letter = ' ';
            std::cout << "not ok " << check << ": " << found->second.size() << " clients; " << why
                      << "\n";
        }
    }

private:
    std::mutex mutex_;
    std::map<std::string, text_list> reasons_;
};

using client_list = std::vector<std::unique_ptr<client>>;

void everybody(const client_list& clients, const std::function<void(int, client&)>& action) {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < clients.size(); ++i)
        threads.emplace_back([&, i] { action(static_cast<int>(i) + 1, *clients[i]); });
}

// One more client keeps the only server connection; the others are refused in time, and served
// later.
void waiters(results& to, const client_list& clients) {
    client holder{0};
    to.attempt("waiters", 0, [&] {
        holder.connect();
        holder.run("create temporary table kept (n int)");
    });
    everybody(clients, [&](int n, client& c) { to.attempt("waiters", n, [&] { c.refused(); }); });
    to.attempt("waiters", 0, [&] { holder.run("drop table kept"); });
    everybody(clients, [&](int n, client& c) { to.attempt("waiters", n, [&] { c.insert(1); }); });
}

void in_order(results& to, int number, client& c, const text_list& checks) {
    for (const auto& check : checks) {
        bool passed = false;
        to.attempt(check, number, [&] {
            c.check(check);
            passed = true;
        });
        if (!passed) c.reset();
    }
}

} // namespace

int main(int argc, char** argv) {
    const text_list checks{argv + 1, argv + argc};
    const char* wanted = std::getenv("CLIENTS");
    const int count = wanted == nullptr ? 50 : std::atoi(wanted);
    client_list clients;
    for (int number = 1; number <= count; ++number)
        clients.push_back(std::make_unique<client>(number));
    results found;
    everybody(clients,
              [&](int n, client& c) { found.attempt("connect", n, [&] { c.connect(); }); });
    found.print({"connect"});
    if (found.failed("connect")) return 0;
    if (checks == text_list{"waiters"})
        waiters(found, clients);
    else
        everybody(clients, [&](int n, client& c) { in_order(found, n, c, checks); });
    found.print(checks);
}
