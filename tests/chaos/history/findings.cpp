#include "tests/chaos/history/findings.hpp"

namespace pgweir::test {

std::string_view name(rule which) {
    switch (which) {
    case rule::wrong_answer:
        return "wrong answer";
    case rule::stale_read:
        return "stale read";
    case rule::backward_read:
        return "backward read";
    case rule::lost_commit:
        return "lost commit";
    case rule::wrong_primary:
        return "wrong primary";
    case rule::money:
        return "money not conserved";
    case rule::done_twice:
        return "done twice";
    case rule::done_though_refused:
        return "done though refused";
    case rule::unexplained_error:
        return "unexplained error";
    case rule::no_answer:
        return "no answer";
    case rule::disconnected:
        return "disconnected";
    }
    return "?";
}

void findings::add(rule broken, std::string text) {
    ++count_;
    if (++by_rule_[broken] <= kept) first_.push_back({broken, std::move(text)});
}

long findings::count(rule broken) const {
    const auto found = by_rule_.find(broken);
    return found == by_rule_.end() ? 0 : found->second;
}

} // namespace pgweir::test
