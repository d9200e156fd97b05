#include "proxy/cluster/node_probe.hpp"

#include "proxy/cluster/node_queries.hpp"

#include <algorithm>
#include <utility>

namespace pgweir {
namespace {

constexpr std::chrono::seconds senders_interval{1};
constexpr std::chrono::seconds resolver_patience{1};
constexpr std::size_t max_addresses = 4;

std::string repeated(const std::string& text, std::size_t times) {
    std::string out = text;
    for (std::size_t i = 1; i < times; ++i)
        out += ',' + text;
    return out;
}

std::string joined(const std::vector<std::string>& addresses) {
    std::string out;
    for (const auto& address : addresses)
        out += (out.empty() ? "" : ",") + address;
    return out;
}

// The server let the login through or refused it by a rule, and may take a plain connection
// instead: no REPLICATION right, no free WAL sender, or a pg_hba.conf entry that speaks of
// replication.
bool may_try_plain(const link_failure& failure) {
    return failure.sqlstate == "42501" || failure.sqlstate == "53300" ||
           failure.sqlstate == "28000" || failure.sqlstate == "55000";
}

} // namespace

node_probe::node_probe(io_executor executor,
                       const monitor_settings& settings,
                       monitor_signals& signals,
                       monitored_node node)
    : executor_{executor}, settings_{settings}, signals_{signals}, node_{std::move(node)},
      link_{executor}, history_link_{executor} {}

void node_probe::disconnect() {
    link_.close();
}

void node_probe::interrupt() {
    link_.interrupt();
    history_link_.interrupt();
}

setting_list node_probe::options(link_mode mode, const std::vector<std::string>& addresses) {
    setting_list out{{"application_name", "pgweir monitor"}, {"gssencmode", "disable"},
                     {"port", std::to_string(node_.port)},   {"user", settings_.user},
                     {"password", settings_.password},       {"dbname", settings_.database}};
    out.emplace_back("host", repeated(node_.host, std::max<std::size_t>(addresses.size(), 1)));
    if (!addresses.empty()) out.emplace_back("hostaddr", joined(addresses));
    if (mode == link_mode::replication) out.emplace_back("replication", "database");
    // Later ones win in libpq.
    out.insert(out.end(), settings_.connection_options.begin(), settings_.connection_options.end());
    return out;
}

task<node_probe::maybe_failure> node_probe::open(pg_link& link, link_mode mode) {
    const auto deadline = clock::now() + settings_.connect_timeout;
    // A resolver that does not answer holds nobody up where the last good answer is known.
    const auto patience =
        addresses_.empty() ? deadline : std::min(deadline, clock::now() + resolver_patience);
    const auto& name = node_.address.empty() ? node_.host : node_.address;
    auto found = co_await resolve(executor_, name, patience);
    if (!found && addresses_.empty()) {
        link_failure unknown{{failure_kind::refused, "host name cannot be resolved"}, {}};
        co_return unknown;
    }
    if (found) set_addresses(std::move(*found));
    const auto addresses = addresses_;
    auto failure = co_await link.connect(options(mode, addresses), deadline);
    if (!failure && !addresses.empty()) address_ = link.address();
    co_return failure;
}

void node_probe::set_addresses(std::vector<std::string> addresses) {
    addresses_ = std::move(addresses);
    if (addresses_.size() > max_addresses) addresses_.resize(max_addresses);
    if (addresses_.empty())
        address_ = node_.host; // a Unix socket
    else if (std::ranges::find(addresses_, address_) == addresses_.end())
        address_ = addresses_.front();
}

task<node_probe::maybe_failure> node_probe::connect() {
    system_identifier_ = 0;
    settings_due_ = senders_due_ = {};
    may_replicate_ = true;
    mode_ = is_standby_ ? link_mode::replication : link_mode::plain;
    auto failure = co_await open(link_, mode_);
    if (failure && mode_ == link_mode::replication && may_try_plain(*failure)) {
        may_replicate_ = false;
        mode_ = link_mode::plain;
        failure = co_await open(link_, mode_);
    }
    co_return failure;
}

task<node_probe::maybe_failure> node_probe::identify(node_answer& into) {
    const auto deadline = clock::now() + settings_.check_timeout;
    if (mode_ == link_mode::replication) {
        // After the positions: a standby that has moved on to a new timeline had not passed the
        // switch point before.
        const auto told = co_await link_.query(node_queries::identify_system, deadline);
        if (told.failure) co_return told.failure;
        if (!told.rows.empty()) node_queries::read_identify_system(told.rows.front(), into);
        co_return std::nullopt;
    }
    if (system_identifier_ == 0) {
        const auto told = co_await link_.query(node_queries::system_identifier, deadline);
        if (told.failure && !link_.is_open()) co_return told.failure;
        node_answer read;
        if (!told.rows.empty()) node_queries::read_identify_system(told.rows.front(), read);
        system_identifier_ = read.system_identifier;
    }
    into.system_identifier = system_identifier_;
    co_return std::nullopt;
}

task<node_probe::maybe_failure> node_probe::look(node_answer& into) {
    const auto deadline = clock::now() + settings_.check_timeout;
    const auto sql = node_queries::look(is_standby_, link_.server_version());
    const auto number = signals_.looks_begun.fetch_add(1) + 1; // before the query is written (A4)
    const auto begun = clock::now();
    const auto told = co_await link_.query(sql, deadline);
    if (told.failure) co_return told.failure;
    std::optional<node_answer> answer;
    if (!told.rows.empty()) answer = node_queries::read_look(told.rows.front());
    if (!answer) {
        link_failure strange{{failure_kind::other, "unexpected answer to the monitor"}, {}};
        co_return strange;
    }
    into = std::move(*answer);
    into.number = number;
    into.begun = begun;
    into.server_version = link_.server_version();
    is_standby_ = into.in_recovery;
    auto failure = co_await identify(into);
    co_return failure;
}

task<node_probe::maybe_failure> node_probe::read_details(check_outcome& out) {
    const auto now = clock::now();
    if (now >= settings_due_) {
        const auto told =
            co_await link_.query(node_queries::settings(), now + settings_.check_timeout);
        if (told.failure) co_return told.failure;
        node_queries::read_settings(told.rows, details_);
        settings_due_ = clock::now() + settings_.defaults_interval;
        out.details = details_;
    }
    if (!is_standby_ && now >= senders_due_) {
        const auto told =
            co_await link_.query(node_queries::senders, clock::now() + settings_.check_timeout);
        if (told.failure) co_return told.failure;
        node_queries::read_senders(told.rows, details_);
        senders_due_ = clock::now() + senders_interval;
        out.details = details_;
    }
    co_return std::nullopt;
}

task<check_outcome> node_probe::check() {
    check_outcome out;
    maybe_failure failure;
    const bool fresh = !link_.is_open();
    if (fresh) failure = co_await connect();
    node_answer answer;
    if (!failure) failure = co_await look(answer);
    const bool wants_replication =
        answer.in_recovery && mode_ == link_mode::plain && may_replicate_;
    if (!failure && wants_replication) {
        failure = co_await connect();
        if (!failure) failure = co_await look(answer);
    }
    if (!failure) failure = co_await read_details(out);
    if (failure) {
        disconnect();
        out.failure = std::move(failure->what);
        co_return out;
    }
    if (!answer.in_recovery && mode_ == link_mode::plain && fresh)
        out.parameters = read_parameters();
    if (!answer.in_recovery && mode_ == link_mode::replication) {
        // Just promoted. No replication connection stays on a primary: it would be a row of
        // pg_stat_replication there.
        disconnect();
        const auto later = co_await connect();
        if (!later) out.parameters = read_parameters();
    }
    out.answer = std::move(answer);
    co_return out;
}

task<std::optional<timeline_history>> node_probe::read_history(timeline_id timeline) {
    timeline_history refused{timeline, false, {}};
    const auto failure = co_await open(history_link_, link_mode::replication);
    if (failure) {
        if (failure->sqlstate.empty()) co_return std::nullopt;
        co_return refused;
    }
    const auto told = co_await history_link_.query(node_queries::timeline_history(timeline),
                                                   clock::now() + settings_.check_timeout);
    history_link_.close();
    if (told.failure && told.failure->sqlstate.empty()) co_return std::nullopt;
    if (told.failure || told.rows.empty() || told.rows.front().size() < 2 || !told.rows.front()[1])
        co_return refused;
    co_return parse_history(timeline, *told.rows.front()[1]);
}

setting_list node_probe::read_parameters() const {
    setting_list out;
    for (const auto* name : node_queries::reported_parameters()) {
        auto value = link_.parameter(name);
        if (!value) continue;
        if (std::string_view{name} == "application_name")
            value->clear(); // ours is not the client's
        out.emplace_back(name, std::move(*value));
    }
    return out;
}

} // namespace pgweir
