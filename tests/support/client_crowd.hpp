// Thousands of clients on one thread: each a socket and a little state, all in one epoll. They log
// in without a password and ask one simple query at a time.
#pragma once

#include "tests/support/wire.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace pgweir::test {

class client_crowd {
public:
    using clock = std::chrono::steady_clock;

    enum class state { absent, connecting, logging_in, idle, asking, refused, lost };

    struct member {
        int socket = -1;
        state now = state::absent;
        clock::time_point began; ///< of the login or query under way, or of the last one
        clock::time_point ended;
        std::string input;
        std::string sqlstate; ///< of the last error
        std::string answer;   ///< the first column of the last query's row
        long place = 0;       ///< which of all logins or queries this one's end was
    };

    client_crowd(int port, std::string user, std::string database, std::size_t size);
    ~client_crowd();
    client_crowd(const client_crowd&) = delete;
    client_crowd& operator=(const client_crowd&) = delete;

    /// Begins all logins, spread evenly over `duration`, and serves them meanwhile.
    void begin_logins(std::chrono::milliseconds duration);
    /// Sends everyone who is idle what `sql` says for him, in their order, spread over `duration`.
    void ask(const std::function<std::string(std::size_t)>& sql,
             std::chrono::milliseconds duration = {});
    /// Serves all sockets until nobody is on the way any more, or for `limit`. False at the limit.
    bool serve(std::chrono::milliseconds limit);
    /// Takes notice of what has happened meanwhile, without waiting for anybody.
    void look() { turn(std::chrono::milliseconds{0}); }

    [[nodiscard]] const std::vector<member>& members() const { return members_; }
    [[nodiscard]] std::size_t count(state which) const;
    /// From the beginning to the end of the last logins or queries: of the slowest one, and of all.
    [[nodiscard]] std::chrono::milliseconds longest() const;
    [[nodiscard]] std::chrono::milliseconds all() const;
    /// "53300 17, 08006 3": members by the SQLSTATE of their last error; empty if there was none.
    [[nodiscard]] std::string errors() const;
    /// How many places the member that was overtaken most came after its turn, of queries.
    [[nodiscard]] long worst_displacement() const;

private:
    void begin_login(member& who);
    void turn(std::chrono::milliseconds wait);
    void on_event(member& who, unsigned events);
    void read(member& who);
    void on_message(member& who, char type, const std::string& body);
    void finish(member& who, state now);
    void leave(member& who, state now);

    int port_;
    std::string startup_;
    int poll_;
    std::vector<member> members_;
    long ended_ = 0;
    std::size_t under_way_ = 0;
};

} // namespace pgweir::test
