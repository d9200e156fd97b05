// What a checker found: every breach of a rule, the first ones in words.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::test {

enum class rule {
    wrong_answer,  ///< an answer to another question, or a row that nobody wrote
    stale_read,    ///< misses what the session has written, or what was there before its login
    backward_read, ///< misses what the session has seen
    lost_commit,   ///< acknowledged, and not there afterwards
    wrong_primary, ///< a write acknowledged by a server that was not the primary
    money,         ///< a snapshot in which money is not conserved
    done_twice,    ///< one write shows twice
    done_though_refused,
    unexplained_error, ///< a SQLSTATE that no fault explains
    no_answer,         ///< within the limit
    disconnected,      ///< a client, by a pgweir that goes on
};

[[nodiscard]] std::string_view name(rule which);

struct finding {
    rule broken;
    std::string text;
};

class findings {
public:
    void add(rule broken, std::string text);

    [[nodiscard]] long count() const { return count_; }
    [[nodiscard]] long count(rule broken) const;
    /// The first `kept` of each rule, in their order.
    [[nodiscard]] const std::vector<finding>& first() const { return first_; }

    static constexpr long kept = 10;

private:
    long count_ = 0;
    std::map<rule, long> by_rule_;
    std::vector<finding> first_;
};

} // namespace pgweir::test
