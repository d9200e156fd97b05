// One client of the chaos run: sends random units in both protocols, pipelines, cancels, dies at
// random bytes, and checks that every answer carries the token of its own question.
#pragma once

#include "tests/chaos/lock_watch.hpp"
#include "tests/chaos/tally.hpp"
#include "tests/support/wire_client.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace pgweir::test {

class chaos_client {
public:
    chaos_client(int port, int number, unsigned seed, tally& counts, lock_watch& locks);

    void run(const std::atomic<bool>& stop);

private:
    /// What one ReadyForQuery's worth of answer must hold.
    struct unit {
        std::string bytes;
        std::string answer;   ///< the one row's first column; "" if there is none
        std::string sqlstate; ///< the error made on purpose; "" if none
        bool may_be_cancelled = false;
    };

    void one_action();
    void connect();
    [[nodiscard]] std::string token();
    [[nodiscard]] int random_up_to(int most);

    unit random_unit();
    unit simple_unit();
    unit extended_unit();
    unit failing_unit();
    unit zoned_unit();
    unit writing_unit();
    unit timeout_unit();
    std::optional<unit> prepared_unit();

    void ask(const std::vector<unit>& units);
    bool check(const unit& asked, const std::vector<wire_message>& messages);
    bool explained(const unit& asked, const std::string& state) const;

    void pipeline();
    void block();
    void prepare_or_close();
    void flush_then_sync();
    void cancelled_query();
    void die_somewhere();
    void die_holding_a_lock();
    void lost();

    int port_;
    int number_;
    std::mt19937 random_;
    tally& counts_;
    lock_watch& locks_;
    std::optional<wire_client> wire_;
    long sequence_ = 0;
    bool cancels_;                                ///< this client sends cancel requests for itself
    std::string hour_;                            ///< midnight UTC in this session's time zone
    std::map<std::string, std::string> prepared_; ///< statement name -> what it appends
};

} // namespace pgweir::test
