#include "proxy/session/login.hpp"

#include "protocol/error_response.hpp"
#include "protocol/startup.hpp"
#include "proxy/access/proxy_header.hpp"
#include "proxy/log.hpp"
#include "proxy/net/peer_certificate.hpp"
#include "proxy/pool/opener.hpp"
#include "proxy/pool/own_query.hpp"
#include "proxy/session/auth_query.hpp"
#include "proxy/session/console_service.hpp"
#include "proxy/session/login_access.hpp"
#include "proxy/session/login_startup.hpp"
#include "proxy/session/replication.hpp"
#include "proxy/session/session.hpp"
#include "proxy/session/state_sql.hpp"
#include "proxy/worker.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

namespace {

/// The database that auth_query asks, if that is the client's choice.
std::string_view asked_database(const login_attempt& l, const std::string& database) {
    return l.owner.settings().auth_database.empty() ? std::string_view{database}
                                                    : std::string_view{};
}

/// What auth_query says. False: nobody could be asked.
task<bool> ask_secret(login_attempt& l,
                      std::string user,
                      std::string database,
                      std::optional<stored_secret>& secret) {
    auto answer = co_await ask_for_secret(l.owner, std::move(user), std::move(database));
    secret = std::move(answer.secret);
    if (!answer.asked) spdlog::warn("auth_query failed: {}", log::quoted(answer.why));
    co_return answer.asked;
}

bool is_question(frontend_login::action next) {
    using action = frontend_login::action;
    return next == action::need_method || next == action::need_secret || next == action::need_check;
}

/// What the machine asks to be found out. Nothing left to do: whatever else it asks for.
task<frontend_login::action> find_out(login_attempt& l,
                                      frontend_login& login,
                                      frontend_login::action next,
                                      admission& by,
                                      std::string& out) {
    using action = frontend_login::action;
    while (is_question(next)) {
        if (next == action::need_method) {
            login_claim claim{login.user(), login.database(),
                              parse_replication(login.replication()) == replication_mode::physical};
            by = co_await find_admission(l, std::move(claim));
            next = by.refused() ? login.refuse(by.sqlstate, by.text, by.why, out)
                                : login.on_method(by.rule->method, out);
        } else if (next == action::need_secret) {
            const auto known = l.owner.shared().secrets->find(login.user(), worker::clock::now(),
                                                              asked_database(l, login.database()));
            auto secret = known.secret;
            bool asked = true;
            if (!known.known && !l.owner.settings().auth_user.empty())
                asked = co_await ask_secret(l, login.user(), login.database(), secret);
            if (auto entropy = make_login_entropy()) login.set_entropy(std::move(*entropy));
            if (!asked) {
                by.sqlstate = protocol::sqlstate::cannot_connect_now;
                by.text = "pgweir: the user's secret cannot be looked up now (auth_query)";
            }
            next = asked ? login.on_secret(std::move(secret), out)
                         : login.refuse(by.sqlstate, by.text, {}, out);
        } else {
            auto verdict = co_await check_elsewhere(l, by, login.user(), login.password());
            next = login.on_checked(verdict.accepted(), std::move(verdict.why), out);
        }
    }
    co_return next;
}

void end_failed(login_attempt& l, const frontend_login& login, const admission& by) {
    l.owner.shared().secrets->forget(login.user(), asked_database(l, login.database()));
    l.owner.shared().roles.forget(login.user());
    const auto outcome = by.refused() ? login_outcome::refused : login_outcome::wrong_credentials;
    l.owner.counters().logins[outcome].add();
    if (by.refused())
        l.owner.counters().errors_from_proxy.add(by.sqlstate);
    else
        l.note_failure();
    spdlog::info("login failed peer={} user={}: {}", l.peer, log::quoted(login.user()),
                 log::quoted(login.failure()));
    l.io->close_after_output();
}

/// application_name_add_host: servers see who is behind a connection.
void add_host(login_result& who, const std::string& peer) {
    who.application_name = application_name_with(who.application_name, peer);
    std::erase_if(who.parameters,
                  [](const auto& one) { return to_lower(one.first) == "application_name"; });
    who.parameters.emplace_back("application_name", who.application_name);
}

/// verify-full demands that the certificate names the user, whatever else is asked of it.
bool certificate_fits(login_attempt& l, const std::string& user) {
    if (l.local || l.owner.settings().client_tls_sslmode != tls_mode::verify_full) return true;
    const auto shown = verified_identity(*l.io);
    if (shown && !shown->common_name.empty() && shown->common_name == user) return true;
    l.refuse(login_outcome::refused, protocol::sqlstate::invalid_authorization_specification,
             "certificate authentication failed for user \"" + user + "\"");
    return false;
}

/// Drives the login machine to its end. False: refused or gone.
task<bool> authenticate(login_attempt& l, login_result& result) {
    const auto packet = protocol::decode_startup_packet(l.startup);
    frontend_login_settings how;
    how.salt_secret = l.owner.shared().salt_secret;
    how.end_point = server_end_point(*l.io);
    frontend_login login{how};
    admission by;
    std::string out;
    auto next = login.start(std::get<protocol::startup_message>(*packet), out);
    if (next != frontend_login::action::failed && !certificate_fits(l, login.user()))
        co_return false;
    for (;;) {
        if (is_question(next)) next = co_await find_out(l, login, next, by, out);
        if (next == frontend_login::action::done) {
            // Goes with what the session says first: one packet, and the client wakes up once.
            l.io->append(out);
            break;
        }
        if (!out.empty()) l.io->send(out);
        out.clear();
        if (next == frontend_login::action::failed) {
            end_failed(l, login, by);
            co_return false;
        }
        message_stream::message m;
        const auto ec = co_await l.in.next(m);
        if (ec) {
            if (ec == asio::error::message_size)
                l.refuse(login_outcome::broken, protocol::sqlstate::protocol_violation,
                         "invalid message length during login");
            co_return false;
        }
        next = login.on_message(m.type, m.body, out);
    }
    result = login.take_result();
    l.owner.shared().secrets->remember_credentials(result.user, result.credentials);
    co_return true;
}

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

/// Null: not known, or too old.
welcome_ptr fresh_welcome(const login_attempt& l, const login_result& who) {
    auto known = l.owner.shared().welcomes.find({who.database, who.user});
    return known && known->is_fresh() ? known : nullptr;
}

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

/// What a real server says to this user in this database. Null: refused, and told so.
task<welcome_ptr> find_welcome(login_attempt& l, const login_result& who) {
    auto& known = l.owner.shared().welcomes;
    const welcome_book::key_type key{who.database, who.user};
    const auto deadline =
        l.owner.patient(worker::clock::now()) + l.owner.settings().failover_timeout;
    for (;;) {
        auto old = known.find(key);
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

constexpr std::chrono::milliseconds patience_for_parameters{1000};

struct parameter_trial {
    parameter_map wanted;
    std::string all; // in one text, with whose they are
    std::uint16_t primary = 0;
};

/// Nothing: no server need be asked.
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

/// A wrong start-up parameter fails the login, as PostgreSQL does, instead of the first statement.
/// Tried once for each set of parameters; nobody waits long for that while the pool is busy.
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

/// The client's bytes go to a server connection of its own from here on.
task<> replicate(login_attempt& l, login_result who, replication_mode mode) {
    replication_client client{l.io, l.peer, l.local, std::move(who), mode};
    auto early = l.in.take_rest();
    const auto refused = co_await start_replication(l.owner, std::move(client), std::move(early));
    if (refused) co_return refuse_as_server(l, *refused);
    l.owner.counters().logins[login_outcome::accepted].add();
    l.hand_over();
}

task<> log_in(login_attempt& l) {
    bool introduced = true;
    if (is_balancer(l)) introduced = co_await read_balancers_word(l);
    if (!introduced || !l.arrive()) co_return;
    const bool started = co_await read_startup(l);
    if (!started || !l.may_try()) co_return;
    l.count_in();
    const auto& s = l.owner.settings();
    const auto mode = s.client_tls_sslmode;
    const bool demands_tls =
        mode == tls_mode::require || mode == tls_mode::verify_ca || mode == tls_mode::verify_full;
    if (demands_tls && !l.io->is_tls() && !l.local)
        co_return l.refuse(login_outcome::refused,
                           protocol::sqlstate::invalid_authorization_specification,
                           "pgweir: TLS is required (client_tls_sslmode)");
    if (l.owner.shared().draining.load())
        co_return l.refuse(login_outcome::refused, protocol::sqlstate::cannot_connect_now,
                           "pgweir: the proxy is shutting down");
    if (l.owner.shared().clients.load() > s.max_client_connections)
        co_return l.refuse(login_outcome::limit, protocol::sqlstate::too_many_connections,
                           "sorry, too many clients already (max_client_connections)");
    login_result who;
    const bool known = co_await authenticate(l, who);
    if (!known) co_return;
    if (l.owner.settings().application_name_add_host) add_host(who, l.peer);
    if (!who.replication.empty()) {
        const auto kind = parse_replication(who.replication);
        if (!kind)
            co_return l.refuse(login_outcome::refused, protocol::sqlstate::invalid_parameter_value,
                               "invalid value for parameter \"replication\": \"" + who.replication +
                                   "\"");
        if (*kind != replication_mode::none) {
            l.io->flush();
            co_await replicate(l, std::move(who), *kind);
            co_return;
        }
    }
    if (l.owner.shared().console->is_admin_database(who.database)) {
        // A console is no login any more: client_login_timeout is over, and it counts itself out as
        // a client.
        l.hand_over();
        l.io->flush();
        auto console = l.owner.shared().console->run(l.owner, l.io, l.in.take_rest(),
                                                     std::move(who), l.local, l.peer);
        spawn(l.owner.executor(), "console", std::move(console));
        co_return;
    }
    auto said = fresh_welcome(l, who);
    if (said == nullptr) said = co_await find_welcome(l, who);
    if (said == nullptr || !l.io->is_open()) co_return;
    bool accepted = true;
    if (auto trial = needs_trial(l, who))
        accepted = co_await try_parameters(l, who, std::move(*trial));
    if (!accepted || !l.io->is_open()) co_return;
    l.owner.counters().logins[login_outcome::accepted].add();
    l.hand_over();
    auto early = l.in.take_rest();
    l.owner.start_session(l.io, l.peer, l.local, std::move(who), said, std::move(early));
}

} // namespace

task<> run_login(worker& owner, std::shared_ptr<stream> io, std::string peer, bool local) {
    co_await asio::this_coro::throw_if_cancelled(false);
    login_attempt attempt{owner, io, std::move(peer), local};
    steady_timer deadline{owner.executor()};
    if (owner.settings().client_login_timeout.count() != 0) {
        deadline.expires_after(owner.settings().client_login_timeout);
        deadline.async_wait([io](const error_code& ec) {
            if (!ec) io->close();
        });
    }
    co_await log_in(attempt);
    deadline.cancel();
    if (!attempt.handed_over()) io->close_after_output();
}

} // namespace pgweir
