#include "proxy/cluster/catalog_reader_impl.hpp"

#include <boost/asio/post.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace pgweir {
namespace {

constexpr std::chrono::seconds failure_pause{1};
constexpr std::chrono::seconds missing_database_pause{60};
// Each query is written again so often: while somebody drops and creates views all the time, a read
// of some milliseconds meets one of them nearly every time, but not many times in a row.
constexpr int most_tries = 20;

/// An object that was there when the query began was dropped before its definition was asked for:
/// "could not open relation with OID …" and the like, which are internal errors to PostgreSQL.
bool may_be_of_dropped_object(const std::string& sqlstate) {
    return sqlstate == "XX000" || sqlstate == "3F000" || sqlstate.starts_with("42");
}

} // namespace

catalog_reader::impl::impl(asio::io_context& control,
                           monitor_settings settings,
                           catalog_source source,
                           publish_function publish)
    : executor_{control.get_executor()}, settings_{std::move(settings)}, source_{std::move(source)},
      publish_{std::move(publish)} {}

// ---- any thread
// -----------------------------------------------------------------------------------

std::shared_ptr<catalog_slot> catalog_reader::impl::want(const std::string& name) {
    std::shared_ptr<catalog_slot> slot;
    {
        const std::lock_guard lock{mutex_};
        auto& entry = slots_[name];
        if (entry) return entry;
        entry = std::make_shared<catalog_slot>(name);
        slot = entry;
    }
    post_read(slot);
    return slot;
}

void catalog_reader::impl::require_newer(catalog_slot& slot) {
    const auto number = invalidations_.fetch_add(1) + 1;
    auto before = slot.required.load();
    while (before < number && !slot.required.compare_exchange_weak(before, number)) {
    }
}

void catalog_reader::impl::invalidate(const std::shared_ptr<catalog_slot>& slot) {
    require_newer(*slot);
    post_read(slot);
}

void catalog_reader::impl::post_read(const std::shared_ptr<catalog_slot>& slot) {
    if (slot->is_posted.exchange(true)) return;
    asio::post(executor_, [self = shared_from_this(), slot] { self->ask(slot); });
}

// ---- control thread
// -------------------------------------------------------------------------------

void catalog_reader::impl::ask(const std::shared_ptr<catalog_slot>& slot) {
    slot->is_posted.store(false); // before the read draws its generation
    if (stopping_) return;
    auto& entry = databases_[slot->database];
    if (!entry) {
        entry = std::make_shared<database>(executor_, slot);
        ++running_;
        spawn(executor_, "catalog reader", serve(shared_from_this(), entry));
    }
    entry->is_asked = true;
    entry->timer.cancel();
}

catalog_reader::impl::node_address catalog_reader::impl::address_of(const node_view& node) {
    return {node.host, node.address, node.port, node.role_epoch};
}

void catalog_reader::impl::on_view(const cluster_view& view) {
    if (stopping_) return;
    if (view.primary)
        on_primary(view);
    else
        on_no_primary(view);
}

void catalog_reader::impl::on_primary(const cluster_view& view) {
    auto now = address_of(view.nodes[*view.primary]);
    const bool is_first = !primary_;
    const bool is_other = primary_ != now;
    stand_in_.reset();
    primary_ = std::move(now);
    for (auto& [name, which] : databases_) {
        if (!is_other && !which->of_standby) continue;
        // What the former primary had may be lost, and what the new one has is not known; a standby
        // may not have had the latest.
        if (!is_first || which->of_standby) require_newer(*which->slot);
        which->of_standby = false;
        read_anew(*which);
    }
}

/// The old primary may come back, and reads go on meanwhile: where its catalog was not read in
/// time, a standby's says what they may do there. The one that has replayed most is asked.
void catalog_reader::impl::on_no_primary(const cluster_view& view) {
    const node_view* best = nullptr;
    for (const auto& node : view.nodes)
        if (node.readable && (best == nullptr || best->sample.replay < node.sample.replay))
            best = &node;
    if (best == nullptr || (stand_in_ && *stand_in_ == address_of(*best))) return;
    // Two that are equally far need not take turns.
    const auto is_present = [this](const node_view& node) {
        return node.readable && address_of(node) == *stand_in_;
    };
    if (stand_in_ && std::ranges::any_of(view.nodes, is_present)) return;
    stand_in_ = address_of(*best);
    for (auto& [name, which] : databases_)
        if (is_hungry(*which)) read_anew(*which);
}

/// A read is asked for, or under way at a server that will not answer.
bool catalog_reader::impl::is_hungry(const database& which) {
    return which.is_asked || which.is_reading;
}

/// From the present source, and at once.
void catalog_reader::impl::read_anew(database& which) {
    which.reconnect = true;
    which.is_asked = true;
    which.not_before = {};
    which.timer.cancel();
    which.link.end_wait();
}

const std::optional<catalog_reader::impl::node_address>& catalog_reader::impl::source() const {
    return stand_in_ ? stand_in_ : primary_;
}

void catalog_reader::impl::on_reload(monitor_settings settings) {
    if (stopping_) return;
    settings_ = std::move(settings);
    for (auto& [name, which] : databases_) {
        which->reconnect = true;
        which->timer.cancel();
    }
}

void catalog_reader::impl::stop(std::function<void()> done) {
    done_ = std::move(done);
    stopping_ = true;
    for (auto& [name, which] : databases_) {
        which->link.interrupt();
        which->timer.cancel();
    }
    if (running_ == 0 && done_) std::exchange(done_, nullptr)();
}

void catalog_reader::impl::on_end() {
    if (--running_ == 0 && done_) std::exchange(done_, nullptr)();
}

task<> catalog_reader::impl::serve(std::shared_ptr<impl> self, std::shared_ptr<database> which) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!stopping_) {
        if (!which->is_asked || !source() || clock::now() < which->not_before) {
            co_await wait(which);
            continue;
        }
        which->is_asked = false; // whoever asks from now on gets another read
        which->is_reading = true;
        const auto failure = co_await read(which);
        which->is_reading = false;
        if (!stopping_) on_read(*which, failure);
    }
    which->link.close();
    self->on_end();
}

// Until somebody asks, the snapshot is old, or the connection has idled long enough.
task<> catalog_reader::impl::wait(std::shared_ptr<database> which) {
    const auto now = clock::now();
    const auto idle_until = which->read_at.value_or(now) + settings_.catalog_idle_timeout;
    const auto fresh_until = which->read_at.value_or(now) + settings_.catalog_ttl;
    if (which->link.is_open() && now >= idle_until) which->link.close();
    if (which->read_at && now >= fresh_until && !which->is_asked) {
        which->is_asked = true;
        co_return;
    }
    auto until = clock::time_point::max();
    if (which->is_asked && now < which->not_before) until = which->not_before;
    if (which->link.is_open()) until = std::min(until, idle_until);
    if (which->read_at && !which->is_asked) until = std::min(until, fresh_until);
    which->timer.expires_at(until);
    co_await which->timer.async_wait(nothrow);
}

task<catalog_reader::impl::maybe_failure>
catalog_reader::impl::connect(std::shared_ptr<database> which) {
    const auto to = *source();
    setting_list options{{"application_name", "pgweir catalog"},
                         {"gssencmode", "disable"},
                         {"host", to.host},
                         {"port", std::to_string(to.port)},
                         {"user", settings_.user},
                         {"password", settings_.password},
                         // A view's definition waits for locks on what it uses.
                         {"options", "-c lock_timeout=5000"}};
    if (!to.address.empty() && to.address != to.host) options.emplace_back("hostaddr", to.address);
    options.insert(options.end(), settings_.connection_options.begin(),
                   settings_.connection_options.end());
    options.emplace_back("dbname", which->slot->database);
    which->reconnect = false;
    auto failure =
        co_await which->link.connect(std::move(options), clock::now() + settings_.connect_timeout);
    co_return failure;
}

task<catalog_reader::impl::maybe_failure>
catalog_reader::impl::run(std::shared_ptr<database> which,
                          std::vector<std::string> queries,
                          std::vector<catalog_result>& results) {
    const auto deadline = clock::now() + settings_.catalog_timeout;
    results.clear();
    for (const auto& sql : queries) {
        query_outcome outcome;
        for (int tries = 0; tries < most_tries; ++tries) {
            outcome = co_await which->link.query(sql, deadline);
            if (!outcome.failure || !may_be_of_dropped_object(outcome.failure->sqlstate)) break;
        }
        if (outcome.failure) co_return std::move(outcome.failure);
        results.push_back(std::move(outcome.rows));
    }
    co_return std::nullopt;
}

task<catalog_reader::impl::maybe_failure>
catalog_reader::impl::read(std::shared_ptr<database> which) {
    if (which->reconnect) which->link.close();
    const bool of_standby = stand_in_.has_value();
    std::uint64_t generation = 0;
    std::vector<catalog_result> results;
    maybe_failure failure;
    // A connection that has idled may have been lost unnoticed: a new one gets a second try.
    for (bool is_fresh = false; !is_fresh;) {
        is_fresh = !which->link.is_open();
        if (is_fresh) failure = co_await connect(which);
        if (is_fresh && failure) co_return failure;
        generation = invalidations_.load(); // before the first query is written
        auto queries = source_.queries(which->link.server_version());
        failure = co_await run(which, std::move(queries), results);
        if (!failure) break;
        which->link.close();
        if (failure->what.kind != failure_kind::reset) co_return failure;
    }
    if (failure || stopping_) co_return failure;
    auto snapshot =
        source_.build(which->slot->database, which->link.server_version(), std::move(results));
    if (!snapshot) {
        link_failure unusable{{failure_kind::other, "the rows make no catalog"}, {}};
        co_return unusable;
    }
    which->of_standby = which->of_standby || of_standby;
    catalog_news news{which->slot, std::move(snapshot), generation};
    publish_(std::move(news));
    co_return std::nullopt;
}

void catalog_reader::impl::on_read(database& which, const maybe_failure& failure) {
    if (source_.on_read) source_.on_read(!failure);
    const auto now = clock::now();
    if (!failure) {
        which.read_at = now;
        which.not_before = now + settings_.catalog_pause;
        which.last_complaint.clear();
        return;
    }
    if (which.reconnect) { // another source meanwhile
        which.is_asked = true;
        return;
    }
    const bool is_missing = failure->sqlstate == "3D000";
    which.not_before = now + failure_pause;
    if (is_missing) which.not_before = now + missing_database_pause;
    if (failure->what.kind == failure_kind::wrong_password)
        which.not_before = now + settings_.wrong_password_pause;
    which.is_asked = true;
    if (which.last_complaint == failure->what.text) return;
    which.last_complaint = failure->what.text;
    spdlog::warn("the catalog of database \"{}\" could not be read: {}", which.slot->database,
                 failure->what.text);
}

} // namespace pgweir
