#include "proxy/session/login_welcome.hpp"

#include "protocol/error_response.hpp"
#include "proxy/log.hpp"
#include "proxy/pool/own_query.hpp"
#include "proxy/session/state_sql.hpp"
#include "proxy/worker.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

constexpr std::chrono::milliseconds patience_for_parameters{1000};

/// Waits for a server connection just to learn what a server says at login.
class welcome_seeker final : public lease_waiter {
public:
    explicit welcome_seeker(io_executor executor)
        : woken{std::make_shared<wake_signal>(std::move(executor))} {}
    ~welcome_seeker() { leave_queue(); }
    welcome_seeker(const welcome_seeker&) = delete;
    welcome_seeker& operator=(const welcome_seeker&) = delete;

    void on_lease(backend_ptr leased) override {
        got = std::move(leased);
        woken->wake();
    }
    void on_lease_refused(const lease_refusal& refused) override {
        why = refused;
        woken->wake();
    }
    void on_long_wait(std::chrono::milliseconds) override {}
    [[nodiscard]] bool is_answered() const { return got || why; }

    std::shared_ptr<wake_signal> woken;
    backend_ptr got;
    std::optional<lease_refusal> why;
};

/// The primary, or without one a standby: it greets in the same words.
std::optional<std::uint16_t> greeting_node(const cluster_view& view) {
    if (view.primary) return view.primary;
    const auto found = std::ranges::find_if(view.nodes, &node_view::readable);
    if (found == view.nodes.end()) return std::nullopt;
    return found->id;
}

/// In a pool's queue, for as long as its node is the one to ask: one that goes down answers nobody.
task<> await_answer(login_attempt& l, welcome_seeker& seeker, std::uint16_t node) {
    while (!seeker.is_answered() && l.io->is_open() && greeting_node(l.owner.view()) == node) {
        l.owner.wake_at_next_view(seeker.woken);
        co_await seeker.woken->wait();
    }
}

} // namespace

void refuse_as_server(login_attempt& l, const lease_refusal& why) {
    const auto error = protocol::decode_error_response(why.server_error);
    if (!error) return l.refuse(login_outcome::refused, why.sqlstate, why.message);
    auto told = *error;
    told.severity = told.severity_unlocalized = "FATAL";
    encode(told, l.io->out());
    l.owner.counters().errors_from_servers.add(told.sqlstate);
    l.owner.counters().logins[login_outcome::refused].add();
    spdlog::info("login refused by the server peer={} sqlstate={}: {}", l.peer, told.sqlstate,
                 log::quoted(told.message));
    l.io->close_after_output();
}

welcome_ptr fresh_welcome(const login_attempt& l, const login_result& who) {
    auto known = l.owner.shared().welcomes.find(who.database, who.user);
    return known && known->is_fresh() ? known : nullptr;
}

task<welcome_ptr> find_welcome(login_attempt& l, const login_result& who) {
    auto& known = l.owner.shared().welcomes;
    const welcome_book::key_type key{who.database, who.user};
    const auto deadline =
        l.owner.patient(worker::clock::now()) + l.owner.settings().failover_timeout;
    for (;;) {
        auto old = known.find(key.first, key.second);
        if (old && old->is_fresh()) co_return old;
        const auto node = greeting_node(l.owner.view());
        if (!node) {
            if (l.owner.patient(worker::clock::now()) >= deadline || !l.io->is_open()) {
                l.refuse(login_outcome::refused, protocol::sqlstate::cannot_connect_now,
                         "pgweir: no server is available: " + l.owner.view().no_primary_because);
                co_return nullptr;
            }
            co_await l.owner.next_view();
            continue;
        }
        auto& from = l.owner.pool_for(*node, who.database, who.user);
        welcome_seeker seeker{l.owner.executor()};
        const name_set no_traces;
        seeker.got = from.take({}, {no_traces});
        // Whoever is known already does not wait for a busy pool just to come in.
        if (!seeker.got && old && l.owner.budget().open_connections(from.slot()) != 0)
            co_return old;
        if (!seeker.got) {
            if (!from.wait(seeker, l.owner.settings().queue_timeout)) {
                l.refuse(login_outcome::refused, protocol::sqlstate::too_many_connections,
                         "pgweir: queue_size sessions wait already");
                co_return nullptr;
            }
            co_await await_answer(l, seeker, *node);
        }
        if (!seeker.is_answered()) {
            if (!l.io->is_open()) co_return nullptr;
            continue;
        }
        if (seeker.why) {
            refuse_as_server(l, *seeker.why);
            co_return nullptr;
        }
        auto parameters = seeker.got->state.welcome;
        for (auto& [name, value] : parameters)
            if (name == "in_hot_standby") value = "off";
        welcome learned{parameters, worker::clock::now(), seeker.got->state.read_committed_default};
        const auto generation = seeker.got->state.generation;
        from.give_back(std::move(seeker.got));
        auto remembered =
            known.remember(key, std::move(learned), from.slot().generation, generation);
        if (remembered) co_return remembered;
    }
}

std::optional<parameter_trial> needs_trial(const login_attempt& l, const login_result& who) {
    const auto primary = l.owner.view().primary;
    if (who.parameters.empty() || !primary) return std::nullopt;
    parameter_trial trial{{}, who.database + '\0' + who.user, *primary};
    for (const auto& [name, value] : who.parameters)
        trial.wanted[to_lower(name)] = value;
    for (const auto& [name, value] : trial.wanted)
        if (name != "application_name") trial.all += '\0' + name + '=' + value;
    if (trial.wanted.size() == 1 && trial.wanted.contains("application_name")) return std::nullopt;
    if (l.owner.shared().welcomes.is_accepted(trial.all)) return std::nullopt;
    return trial;
}

task<bool> try_parameters(login_attempt& l, const login_result& who, parameter_trial trial) {
    const auto& wanted = trial.wanted;
    auto& from = l.owner.pool_for(trial.primary, who.database, who.user);
    const auto own_traces = traces_of(wanted);
    welcome_seeker seeker{l.owner.executor()};
    seeker.got = from.take(wanted, {own_traces});
    if (!seeker.got) {
        if (!from.wait(seeker, patience_for_parameters)) co_return true;
        co_await seeker.woken->wait();
        if (!seeker.got) co_return true;
    }
    auto on = std::move(seeker.got);
    if (on->state.carried == wanted) {
        from.give_back(std::move(on));
        co_return true;
    }
    wake_signal answered{l.owner.executor()};
    std::string error;
    const auto sql = state_change_sql(on->state, wanted);
    run_own_query(on, sql, [&](backend_ptr used, std::string why) {
        on = std::move(used);
        error = std::move(why);
        answered.wake();
    });
    co_await answered.wait();
    if (on) on->state.traces.merge(traces_of(wanted));
    if (on && error.empty()) on->state.carried = wanted;
    if (on) from.give_back(std::move(on));
    if (error.empty()) {
        l.owner.shared().welcomes.accept(trial.all);
        co_return true;
    }
    const lease_refusal why{std::string{protocol::find_sqlstate(error)}, {}, error};
    refuse_as_server(l, why);
    co_return false;
}

} // namespace pgweir
