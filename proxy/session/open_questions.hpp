// Questions about users that are under way on one worker, so that many logins of one user at once
// are one question.
#pragma once

#include "proxy/asio.hpp"

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

class worker;

template <class Answer> class open_questions {
public:
    /// What asks, about this user who wants this database.
    using question = task<Answer> (*)(worker& owner, std::string user, std::string database);

    /// The answer of `ask`, or of the same question that is under way already. `executor` is the
    /// worker's.
    task<Answer> ask_once(
        worker& owner, io_executor executor, std::string user, std::string database, question ask) {
        std::pair<std::string, std::string> key{user, database};
        if (const auto same = open_.find(key); same != open_.end()) {
            const auto asked = same->second;
            const auto mine = std::make_shared<wake_signal>(executor);
            asked->listeners.push_back(mine);
            co_await mine->wait();
            co_return asked->answer;
        }
        const auto asked = std::make_shared<under_way>();
        open_.emplace(key, asked);
        asked->answer = co_await ask(owner, std::move(user), std::move(database));
        open_.erase(key);
        for (const auto& listener : asked->listeners)
            listener->wake();
        co_return asked->answer;
    }

private:
    struct under_way {
        Answer answer;
        std::vector<std::shared_ptr<wake_signal>> listeners;
    };
    std::map<std::pair<std::string, std::string>, std::shared_ptr<under_way>> open_;
};

} // namespace pgweir
