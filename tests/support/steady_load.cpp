#include "tests/support/steady_load.hpp"

#include "tests/support/postgres_cluster.hpp"

namespace pgweir::test {

steady_load::steady_load(int port, std::string sslmode)
    : port_{port}, extra_{"gssencmode=disable sslmode=" + std::move(sslmode)} {
    pg_connection{conninfo(port, accounts::app, "app", extra_)}.must(
        "create table written (who text)");
    for (int i = 0; i < 6; ++i) {
        threads_.emplace_back([this, i] { write_blocks(i); });
        threads_.emplace_back([this, i] { write_and_read(i); });
    }
    for (int i = 0; i < 2; ++i)
        threads_.emplace_back([this] { come_and_go(); });
}

void steady_load::stop() {
    stopping_ = true;
    for (auto& one : threads_)
        if (one.joinable()) one.join();
}

std::string steady_load::first_error() {
    const std::lock_guard guard{mutex_};
    return first_error_;
}

bool steady_load::good(const pg_result& result) {
    if (result.ok()) return true;
    wrong(result.message());
    return false;
}

void steady_load::wrong(const std::string& what) {
    ++errors_;
    const std::lock_guard guard{mutex_};
    if (first_error_.empty()) first_error_ = what;
}

void steady_load::write_blocks(int who) {
    pg_connection session{conninfo(port_, accounts::app, "app", extra_)};
    const auto insert = "insert into written values ('block " + std::to_string(who) + "')";
    while (!stopping_) {
        bool well = good(session.exec("begin"));
        well = good(session.exec(insert)) && well;
        well = good(session.exec("select count(*) from written")) && well;
        well = good(session.exec("commit")) && well;
        if (well) ++written_;
        if (!session.connected()) return wrong("disconnected");
    }
}

void steady_load::write_and_read(int who) {
    pg_connection session{conninfo(port_, accounts::app, "app", extra_)};
    const auto name = "alone " + std::to_string(who);
    session.prepare("mine", "select count(*) from written where who = $1");
    int mine = 0;
    while (!stopping_) {
        if (good(session.exec_params("insert into written values ($1)", {name}))) {
            ++mine;
            ++written_;
        }
        const auto seen = session.exec_prepared("mine", {name});
        if (good(seen) && seen.value() != std::to_string(mine))
            wrong("reads " + seen.value() + " instead of " + std::to_string(mine));
        if (!session.connected()) return wrong("disconnected");
    }
}

void steady_load::come_and_go() {
    while (!stopping_) {
        pg_connection session{conninfo(port_, accounts::app, "app", extra_)};
        if (!session.connected()) {
            wrong("login: " + session.error());
            continue;
        }
        if (good(session.exec("select count(*) from written where who = 'nobody'"))) ++logins_;
    }
}

} // namespace pgweir::test
