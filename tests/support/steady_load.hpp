// Clients of several kinds that work without a pause and count what goes wrong: blocks that write,
// writes alone and prepared reads of them, and sessions that come and go. For tests in which
// servers come and go under load.
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pgweir::test {

class steady_load {
public:
    /// Makes its table, through this port, and begins.
    explicit steady_load(int port, std::string sslmode = "disable");
    ~steady_load() { stop(); }
    steady_load(const steady_load&) = delete;
    steady_load& operator=(const steady_load&) = delete;

    void stop();
    /// Statements that failed, reads that missed the session's own writes, lost sessions.
    [[nodiscard]] int errors() const { return errors_; }
    [[nodiscard]] std::string first_error();
    /// Rows of table `written`, as acknowledged.
    [[nodiscard]] int written() const { return written_; }
    /// Sessions that came and went.
    [[nodiscard]] int logins() const { return logins_; }

private:
    bool good(const class pg_result& result);
    void wrong(const std::string& what);
    void write_blocks(int who);
    void write_and_read(int who);
    void come_and_go();

    int port_;
    std::string extra_;
    std::atomic<bool> stopping_ = false;
    std::atomic<int> errors_ = 0;
    std::atomic<int> written_ = 0;
    std::atomic<int> logins_ = 0;
    std::mutex mutex_; // first_error_
    std::string first_error_;
    std::vector<std::thread> threads_;
};

} // namespace pgweir::test
