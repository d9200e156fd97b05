// Hundreds of clients at work in one thread of their own, and a record of how each of their
// transactions ended.
#pragma once

#include "tests/support/load/load_client.hpp"

#include <atomic>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace pgweir::test {

struct load_options {
    std::string conninfo;
    int clients = 200;
    int readers = 50; ///< of the clients: those that only read, and so never wait for a primary
    std::chrono::milliseconds think_time{200};
    unsigned seed = 1;
};

/// What happened in a stretch of time.
struct load_record {
    std::vector<moment> written; ///< when writes were acknowledged, in order
    std::vector<long> tokens;    ///< of these, in the same order
    std::vector<moment> read;    ///< when reads were answered, in order
    milliseconds slowest_read{0};
    std::map<verdict, int> counts;
    std::map<std::string, int> errors; ///< "block 57P01" -> how often
    std::vector<std::string> messages; ///< of what must not happen; the first ones

    [[nodiscard]] int count(verdict what) const;
    /// "block 57P01: 3, write 08007: 2"; "none".
    [[nodiscard]] std::string errors_as_text() const;
};

class mixed_load final : private load_listener {
public:
    /// Logs all clients in; throws std::runtime_error if that does not work out within a minute.
    explicit mixed_load(const load_options& options);
    ~mixed_load();
    mixed_load(const mixed_load&) = delete;
    mixed_load& operator=(const mixed_load&) = delete;

    /// What ended in [from, to).
    [[nodiscard]] load_record record(moment from, moment to = moment::max()) const;
    /// How many writes have been acknowledged since `from`.
    [[nodiscard]] std::size_t writes_since(moment from) const;
    [[nodiscard]] std::size_t reads_since(moment from) const;
    /// No new transaction is begun; true if all clients have got their answers within `limit`.
    [[nodiscard]] bool finish(std::chrono::milliseconds limit = std::chrono::seconds{30});
    /// What clients that have no answer yet are waiting for.
    [[nodiscard]] std::vector<std::string> unanswered() const { return unanswered_; }

private:
    void on_ended(const load_event& event) override;
    void run();
    void serve(int poller, std::size_t index, moment now);

    /// What the poller has been told to watch of a client.
    struct interest {
        int socket = -1;
        bool to_write = false;
        bool operator==(const interest&) const = default;
    };

    std::vector<load_client> clients_;
    std::vector<interest> interests_; // one a client
    mutable std::mutex mutex_;        // for events_
    std::vector<load_event> events_;
    std::atomic<std::size_t> logged_in_ = 0;
    std::atomic<bool> finishing_ = false;
    std::atomic<bool> idle_ = false;
    std::atomic<bool> stop_ = false;
    std::vector<std::string> unanswered_; ///< written before thread_ ends
    std::thread thread_;
};

} // namespace pgweir::test
