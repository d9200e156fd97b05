// The load of the chaos run: threads of sessions one after the other, and the last look at every
// server when all is over.
#pragma once

#include "tests/chaos/cluster/chaos_session.hpp"

#include <memory>
#include <thread>
#include <vector>

namespace pgweir::test {

[[nodiscard]] checker_options chaos_checker_options();

/// The tables, on the primary; what the sessions' role may do and how long it waits for locks.
void create_chaos_tables(pg_connection& primary);

class workload {
public:
    explicit workload(recorder& history) : history_{history} {}
    ~workload() { stop(); }
    workload(const workload&) = delete;
    workload& operator=(const workload&) = delete;

    /// `count` more threads with sessions on that target, which must outlive this.
    void start(const chaos_target& target, int count, unsigned seed);
    /// Lets every session end its operation.
    void stop();

private:
    recorder& history_;
    std::atomic<bool> stop_ = false;
    std::vector<std::thread> threads_;
};

/// Reads all of a server's tables and tells the checker; `server` as its inet_server_addr() and
/// port say it. The servers must have replayed everything.
void read_in_the_end(recorder& history, const std::string& server, pg_connection& session);

/// The surviving primary's timelines.
void read_timelines(recorder& history, pg_connection& primary);

} // namespace pgweir::test
