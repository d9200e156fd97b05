#include "tests/support/own_writes.hpp"

#include "tests/support/wait.hpp"

#include <atomic>
#include <chrono>
#include <mutex>
#include <random>
#include <stdexcept>
#include <thread>

namespace pgweir::test {

namespace {

struct run_state {
    explicit run_state(const own_writes_options& chosen) : options{chosen} {}

    void wrong(long& counter, const std::string& text) {
        const std::lock_guard lock{mutex};
        ++counter;
        if (result.what.size() < 20) result.what.push_back(text);
    }

    const own_writes_options& options;
    std::atomic<long> steps = 0;
    std::atomic<long> reads = 0;
    std::atomic<long> reads_on_standbys = 0;
    std::mutex mutex;
    own_writes_result result;
};

class writing_session {
public:
    writing_session(run_state& run, int number)
        : run_{run}, random_{run.options.seed * 1000 + static_cast<unsigned>(number)},
          number_{std::to_string(number)}, connection_{conninfo(run.options.port, accounts::app)} {
        if (!connection_.connected()) throw std::runtime_error(connection_.error());
    }

    void one_step(int step) {
        ++run_.steps;
        if (random_() % 2 == 0)
            write_and_read(std::to_string(step));
        else
            read_counter(random_() % 5 == 0);
    }

private:
    struct answer {
        long value = 0;
        std::string where;
    };

    answer read(const std::string& sql) {
        const auto result = connection_.exec(sql);
        if (!result.ok() || result.rows() != 1)
            throw std::runtime_error(sql + ": " + result.message());
        ++run_.reads;
        const bool standby = result.value(0, 1) == "t";
        if (standby) ++run_.reads_on_standbys;
        return {std::stol(result.value()), standby ? "a standby" : "the primary"};
    }

    void write_and_read(const std::string& key) {
        connection_.must("insert into own_rows values (" + number_ + ", " + key + ")");
        const auto seen =
            read("select count(*), pg_is_in_recovery() from own_rows where s = " + number_ +
                 " and k = " + key);
        if (seen.value != 1)
            run_.wrong(run_.result.stale,
                       "session " + number_ + " missed its row " + key + " on " + seen.where);
    }

    void read_counter(bool raise) {
        if (raise) connection_.must("update own_counter set n = n + 1");
        const auto seen = read("select n, pg_is_in_recovery() from own_counter");
        if (seen.value < last_.value + (raise ? 1 : 0))
            run_.wrong(raise ? run_.result.stale : run_.result.backward,
                       "session " + number_ + " read " + std::to_string(last_.value) + " on " +
                           last_.where + (raise ? ", raised it" : "") + ", then " +
                           std::to_string(seen.value) + " on " + seen.where);
        last_ = seen;
    }

    run_state& run_;
    std::mt19937 random_;
    std::string number_;
    pg_connection connection_;
    answer last_; ///< of the counter
};

void run_session(run_state& run, int number) {
    try {
        writing_session session{run, number};
        for (int step = 0; step < run.options.steps; ++step)
            session.one_step(step);
    } catch (const std::runtime_error& error) {
        run.wrong(run.result.failed, "session " + std::to_string(number) + ": " + error.what());
    }
}

/// Stops and goes, each for up to a quarter of a second, until told to end.
void disturb_replay(postgres_node& standby, unsigned seed, const std::atomic<bool>& end) {
    auto session = standby.connect("postgres");
    std::mt19937 random{seed};
    const auto sleep = [&] {
        std::this_thread::sleep_for(std::chrono::milliseconds{random() % 250});
    };
    while (!end) {
        session.must("select pg_wal_replay_pause()");
        sleep();
        session.must("select pg_wal_replay_resume()");
        sleep();
    }
}

/// Until the catalog of a database is read, its reads go to the primary.
void wait_for_a_read_on_a_standby(int port) {
    pg_connection session{conninfo(port, accounts::app)};
    if (!wait_until(
            [&] { return session.value("select pg_is_in_recovery() from own_counter") == "t"; }))
        throw std::runtime_error("no read ran on a standby");
}

} // namespace

own_writes_result run_own_writes(postgres_cluster& cluster, const own_writes_options& options) {
    cluster.primary().must("drop table if exists own_rows, own_counter;"
                           "create table own_rows (s int, k int, primary key (s, k));"
                           "create table own_counter (n bigint) with (fillfactor = 10);"
                           "insert into own_counter values (0);"
                           "grant all on own_rows, own_counter to public");
    if (!cluster.wait_caught_up()) throw std::runtime_error("standbys did not catch up");
    wait_for_a_read_on_a_standby(options.port);
    run_state run{options};
    std::atomic<bool> end = false;
    std::vector<std::thread> disturbers;
    for (std::size_t index = 0; index < cluster.standbys(); ++index)
        disturbers.emplace_back([&, index] {
            disturb_replay(cluster.standby(index), options.seed + static_cast<unsigned>(index),
                           end);
        });
    std::vector<std::thread> sessions;
    for (int number = 0; number < options.sessions; ++number)
        sessions.emplace_back([&run, number] { run_session(run, number); });
    for (auto& thread : sessions)
        thread.join();
    end = true;
    for (auto& thread : disturbers)
        thread.join();
    run.result.steps = run.steps;
    run.result.reads = run.reads;
    run.result.reads_on_standbys = run.reads_on_standbys;
    return run.result;
}

} // namespace pgweir::test
