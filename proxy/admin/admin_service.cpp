#include "proxy/admin/admin_service.hpp"

#include "protocol/session_parameters.hpp"
#include "proxy/admin/console.hpp"
#include "proxy/admin/console_answer.hpp"
#include "proxy/config/address_range.hpp"
#include "proxy/log.hpp"
#include "proxy/server.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>

namespace pgweir {

namespace {

bool is_among(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

/// A console counts as a client and can be told apart by its own process id, which cancels nothing.
class console_presence {
public:
    explicit console_presence(worker& on)
        : shared_{on.shared()}, identity_{shared_.cancels->add(on.id())} {}
    ~console_presence() {
        shared_.cancels->remove(identity_.process_id);
        shared_.clients.fetch_sub(1);
    }
    console_presence(const console_presence&) = delete;
    console_presence& operator=(const console_presence&) = delete;

    [[nodiscard]] const cancel_registry::identity& identity() const { return identity_; }

private:
    shared_parts& shared_;
    cancel_registry::identity identity_;
};

/// Why this user may not come in from there; empty: may.
std::optional<admin_error>
refusal(const settings& s, const login_result& who, bool local, const std::string& address) {
    if (!is_within(s.admin_from, local, address))
        return admin_error{"28000",
                           "pgweir: connections to database \"" + who.database +
                               "\" are not allowed from " + (local ? "here" : address) +
                               " (admin_from)",
                           ""};
    if (!is_among(s.admin_users, who.user) && !is_among(s.stats_users, who.user))
        return admin_error{"42501", "permission denied for database \"" + who.database + "\"", ""};
    return {};
}

void greet(std::string& out, const login_result& who, const cancel_registry::identity& identity) {
    const auto say = [&out](std::string_view name, std::string_view value) {
        encode(protocol::parameter_status{name, value}, out);
    };
    say("application_name", who.application_name);
    say("client_encoding", "UTF8");
    say("DateStyle", "ISO, MDY");
    say("default_transaction_read_only", "off");
    say("in_hot_standby", "off");
    say("integer_datetimes", "on");
    say("IntervalStyle", "postgres");
    say("is_superuser", "off");
    say("server_encoding", "UTF8");
    say("server_version", "15.0 (pgweir " PGWEIR_VERSION ")");
    say("session_authorization", who.user);
    say("standard_conforming_strings", "on");
    say("TimeZone", "UTC");
    encode(protocol::backend_key_data{identity.process_id, identity.secret_key}, out);
    append_ready(out);
}

} // namespace

task<> admin_service::run(worker& on,
                          std::shared_ptr<stream> io,
                          std::string early,
                          login_result who,
                          bool local,
                          std::string peer) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const console_presence presence{on};
    const auto address = split_address(peer).address;
    if (const auto why = refusal(on.settings(), who, local, address)) {
        spdlog::warn("console refused peer={} user={} sqlstate={}: {}", peer, log::quoted(who.user),
                     why->sqlstate, log::quoted(why->message));
        on.counters().errors_from_proxy.add(why->sqlstate);
        on.counters().logins[login_outcome::refused].add();
        append_error(io->out(), *why, true);
        io->close_after_output();
        co_return;
    }
    on.counters().logins[login_outcome::accepted].add();
    spdlog::info("console opened peer={} user={}", peer, log::quoted(who.user));
    greet(io->out(), who, presence.identity());
    io->flush();
    const bool may_command = is_among(on.settings().admin_users, who.user);
    admin_actions actions{server_, on, io, started_};
    auto one = std::make_shared<console>(std::move(actions), on, io, std::move(early), may_command);
    co_await console::serve(std::move(one));
    spdlog::info("console closed peer={} user={}", peer, log::quoted(who.user));
}

} // namespace pgweir
