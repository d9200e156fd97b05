#include "proxy/session/login.hpp"

#include "protocol/error_response.hpp"
#include "proxy/access/proxy_header.hpp"
#include "proxy/session/authentication.hpp"
#include "proxy/session/console_service.hpp"
#include "proxy/session/login_startup.hpp"
#include "proxy/session/login_welcome.hpp"
#include "proxy/session/replication.hpp"
#include "proxy/session/session.hpp"
#include "proxy/worker.hpp"

namespace pgweir {

namespace {

/// application_name_add_host: servers see who is behind a connection.
void add_host(login_result& who, const std::string& peer) {
    who.application_name = application_name_with(who.application_name, peer);
    std::erase_if(who.parameters,
                  [](const auto& one) { return to_lower(one.first) == "application_name"; });
    who.parameters.emplace_back("application_name", who.application_name);
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

void begin_session(login_attempt& l, const login_result& who, welcome_ptr said) {
    l.owner.counters().logins[login_outcome::accepted].add();
    l.hand_over();
    auto early = l.in.take_rest();
    l.owner.start_session(l.io, std::move(l.peer), l.local, who, std::move(said), std::move(early));
}

/// False: nobody is let in like this, and the client is told so.
bool is_welcome(login_attempt& l) {
    const auto& s = l.owner.settings();
    const auto mode = s.client_tls_sslmode;
    const bool demands_tls =
        mode == tls_mode::require || mode == tls_mode::verify_ca || mode == tls_mode::verify_full;
    if (demands_tls && !l.io->is_tls() && !l.local)
        l.refuse(login_outcome::refused, protocol::sqlstate::invalid_authorization_specification,
                 "pgweir: TLS is required (client_tls_sslmode)");
    else if (l.owner.shared().draining.load())
        l.refuse(login_outcome::refused, protocol::sqlstate::cannot_connect_now,
                 "pgweir: the proxy is shutting down");
    else if (l.owner.shared().clients.load() > s.max_client_connections)
        l.refuse(login_outcome::limit, protocol::sqlstate::too_many_connections,
                 "sorry, too many clients already (max_client_connections)");
    else
        return true;
    return false;
}

/// A login from its first byte to its session. Most wait for nothing but the client's messages: a
/// coroutine is made only for what does wait.
class client_login {
public:
    client_login(worker& owner, std::shared_ptr<stream> io, std::string peer, bool local)
        : l_{owner, std::move(io), std::move(peer), local} {
        l_.in.take_arrived();
    }

    /// As far as it goes without waiting. True: it is over.
    [[nodiscard]] bool advance();
    /// What `advance` has stopped at. False: it is over.
    [[nodiscard]] task<bool> wait();

private:
    enum class stage : std::uint8_t { introduction, arrival, startup, proof, welcome };

    [[nodiscard]] bool arrive();
    [[nodiscard]] bool begin_proof();
    [[nodiscard]] bool is_ordinary() const;
    [[nodiscard]] task<> be_welcomed();
    void run_console();

    login_attempt l_;
    stage at_ = stage::introduction;
    startup_step started_ = startup_step::ended;
    authentication::step proven_ = authentication::step::refused;
    std::optional<authentication> proof_;
    login_result* who_ = nullptr; // of the proof, once it is accepted
};

bool client_login::advance() {
    if (at_ == stage::introduction && !is_balancer(l_)) at_ = stage::arrival;
    if (at_ == stage::arrival && !arrive()) return true;
    if (at_ == stage::startup) {
        if (started_ == startup_step::begun && !begin_proof()) return true;
        if (started_ == startup_step::ended) return true;
    }
    if (at_ == stage::proof) {
        if (proven_ == authentication::step::refused) return true;
        if (proven_ == authentication::step::accepted) {
            who_ = &proof_->result();
            if (l_.owner.settings().application_name_add_host) add_host(*who_, l_.peer);
            at_ = stage::welcome;
        }
    }
    if (at_ != stage::welcome || !is_ordinary()) return false;
    if (!l_.io->is_open()) return true;
    auto said = fresh_welcome(l_, *who_);
    if (said == nullptr || needs_trial(l_, *who_)) return false;
    begin_session(l_, *who_, std::move(said));
    return true;
}

bool client_login::arrive() {
    if (!l_.arrive()) return false;
    at_ = stage::startup;
    started_ = take_startup(l_);
    return true;
}

bool client_login::begin_proof() {
    if (!l_.may_try()) return false;
    l_.count_in();
    if (!is_welcome(l_)) return false;
    at_ = stage::proof;
    proof_.emplace(l_);
    proven_ = proof_->begin();
    return true;
}

/// For no replication and no console.
bool client_login::is_ordinary() const {
    return who_->replication.empty() &&
           !l_.owner.shared().console->is_admin_database(who_->database);
}

task<bool> client_login::wait() {
    if (at_ == stage::introduction) {
        const bool introduced = co_await read_balancers_word(l_);
        at_ = stage::arrival;
        co_return introduced;
    }
    if (at_ == stage::startup) {
        const bool begun = co_await read_startup(l_, started_);
        started_ = startup_step::begun;
        co_return begun;
    }
    if (at_ == stage::proof) {
        const bool proven = co_await authenticate(l_, *proof_, proven_);
        proven_ = authentication::step::accepted;
        co_return proven;
    }
    co_await be_welcomed();
    co_return false;
}

task<> client_login::be_welcomed() {
    const auto kind =
        who_->replication.empty() ? replication_mode::none : parse_replication(who_->replication);
    if (!kind)
        co_return l_.refuse(login_outcome::refused, protocol::sqlstate::invalid_parameter_value,
                            "invalid value for parameter \"replication\": \"" + who_->replication +
                                "\"");
    if (*kind != replication_mode::none) {
        l_.io->flush();
        co_await replicate(l_, std::move(*who_), *kind);
        co_return;
    }
    if (l_.owner.shared().console->is_admin_database(who_->database)) co_return run_console();
    auto said = fresh_welcome(l_, *who_);
    if (said == nullptr) said = co_await find_welcome(l_, *who_);
    if (said == nullptr || !l_.io->is_open()) co_return;
    bool accepted = true;
    if (auto trial = needs_trial(l_, *who_))
        accepted = co_await try_parameters(l_, *who_, std::move(*trial));
    if (accepted && l_.io->is_open()) begin_session(l_, *who_, std::move(said));
}

/// A console is no login any more: client_login_timeout is over, and it counts itself out as a
/// client.
void client_login::run_console() {
    l_.hand_over();
    l_.io->flush();
    auto console = l_.owner.shared().console->run(l_.owner, l_.io, l_.in.take_rest(),
                                                  std::move(*who_), l_.local, l_.peer);
    spawn(l_.owner.executor(), "console", std::move(console));
}

task<> go_on(std::unique_ptr<client_login> login) {
    co_await asio::this_coro::throw_if_cancelled(false);
    for (bool over = false; !over;) {
        const bool goes_on = co_await login->wait();
        over = !goes_on || login->advance();
    }
}

} // namespace

void begin_login(worker& owner, std::shared_ptr<stream> io, std::string peer, bool local) {
    auto login = std::make_unique<client_login>(owner, std::move(io), std::move(peer), local);
    if (!login->advance()) spawn(owner.executor(), "client login", go_on(std::move(login)));
}

} // namespace pgweir
