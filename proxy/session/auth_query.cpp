#include "proxy/session/auth_query.hpp"

#include "proxy/session/auth_rows.hpp"
#include "proxy/session/isolated_query.hpp"
#include "proxy/worker.hpp"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

namespace pgweir {

namespace {

/// What the rows have told.
struct secret_rows {
    std::optional<stored_secret> secret;
    role_validity validity;
};

task<auth_answer> ask_now(worker& owner, std::string user, std::string database) {
    const auto live = owner.live(); // a reload may replace it meanwhile
    // Whose answer it is, if the client has chosen who is asked.
    const auto asked = live->values.auth_database.empty() ? database : std::string{};
    const auto rows = std::make_shared<secret_rows>();
    std::vector<isolated_query> queries;
    queries.push_back({role_validity_query,
                       [rows](std::string_view body) { rows->validity = validity_in_row(body); }});
    queries.push_back({live->values.auth_query, [rows, user](std::string_view body) {
                           if (auto secret = secret_in_row(body, user))
                               rows->secret = std::move(secret);
                       }});
    std::string name = "pgweir auth_query";
    auto said = co_await ask_isolated(owner, user, std::move(database), std::move(name),
                                      std::move(queries));
    owner.counters().auth_queries.add();
    auth_answer answer;
    answer.asked = said.asked;
    answer.why = std::move(said.why);
    if (!answer.asked) {
        owner.counters().auth_query_failures.add();
        co_return answer;
    }
    if (rows->validity.may_log_in) answer.secret = std::move(rows->secret);
    auto kept = live->values.auth_cache_ttl;
    if (rows->validity.remaining) kept = std::min(kept, *rows->validity.remaining);
    owner.shared().secrets->remember(user, answer.secret, worker::clock::now() + kept, asked);
    co_return answer;
}

} // namespace

task<auth_answer> ask_for_secret(worker& owner, std::string user, std::string database) {
    return owner.auth_questions().ask_once(owner, owner.executor(), std::move(user),
                                           std::move(database), &ask_now);
}

} // namespace pgweir
