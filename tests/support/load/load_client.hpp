// One client of a mixed load: never blocks, so that a thread can drive hundreds. It logs in,
// thinks, does a task, and comes back when its connection is lost. Owned and called by one thread.
#pragma once

#include "tests/support/load/figures.hpp"
#include "tests/support/load/load_task.hpp"

#include <libpq-fe.h>

#include <memory>
#include <random>
#include <string>

namespace pgweir::test {

/// A transaction that has ended.
struct load_event {
    ending how;
    long token = 0; ///< of a write
    moment began;
    moment ended;
    std::string message; ///< what went wrong
};

class load_listener {
public:
    virtual void on_ended(const load_event& event) = 0;

protected:
    ~load_listener() = default;
};

struct load_client_options {
    std::string conninfo;
    int number = 0; ///< tokens of clients with different numbers differ
    bool reads_only = false;
    std::chrono::milliseconds think_time{200}; ///< on average
    unsigned seed = 0;
};

class load_client {
public:
    load_client(load_client_options options, load_listener& listener);

    /// The socket to wait for, -1 while there is none; it may change with each call of go_on().
    [[nodiscard]] int socket() const;
    [[nodiscard]] bool wants_to_write() const { return wants_to_write_; }
    /// When go_on() is to be called if the socket says nothing until then.
    [[nodiscard]] moment due() const { return due_; }
    /// Does what can be done now without waiting.
    void go_on(moment now);
    /// From now on no task is begun.
    void finish() { finishing_ = true; }
    [[nodiscard]] bool logged_in() const { return state_ >= state::thinking; }
    /// Whether it waits for an answer.
    [[nodiscard]] bool at_work() const { return state_ == state::working; }
    [[nodiscard]] const load_task& task() const { return task_; }

private:
    enum class state { away, connecting, preparing, thinking, working };

    void connect(moment now);
    void go_on_connecting(moment now);
    void go_on_preparing(moment now);
    void begin_task(moment now);
    void send_step(moment now);
    void go_on_working(moment now);
    void on_answered(moment now);
    void end_task(moment now);
    void lose(moment now);
    void rest(moment now);
    bool flush(moment now);
    /// Whether all results of what was sent are here; the last error is then in `error_`.
    bool take_results(moment now);

    load_client_options options_;
    load_listener& listener_;
    std::unique_ptr<PGconn, void (*)(PGconn*)> connection_;
    std::mt19937 random_;
    state state_ = state::away;
    bool finishing_ = false;
    bool wants_to_write_ = false;
    moment due_{};
    moment began_{};
    long tokens_ = 0;
    load_task task_;
    std::size_t step_ = 0;
    bool rolling_back_ = false;
    std::string error_;   ///< SQLSTATE of the answer just read
    std::string message_; ///< the first error's text
    std::string failed_;  ///< SQLSTATE of the task's first error
};

} // namespace pgweir::test
