// What the server does when its settings, or files that they name, are to be read again.
#include "proxy/log.hpp"
#include "proxy/peer_watch.hpp"
#include "proxy/server.hpp"
#include "proxy/server_settings.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

void server::reload(std::function<void(std::string)> done) {
    asio::post(control_,
               [this, done = std::move(done)]() mutable { begin_reload({true, std::move(done)}); });
}

void server::begin_reload(reload_request request) {
    reloads_.push_back(std::move(request));
    if (std::exchange(reloading_, true)) return;
    spawn(control_.get_executor(), "reload", reload_all());
}

/// One after the other: each goes on from what the one before has made.
task<> server::reload_all() {
    while (!reloads_.empty()) {
        auto next = std::move(reloads_.front());
        reloads_.pop_front();
        if (next.settings_too)
            co_await reload_settings(std::move(next.done));
        else
            co_await reload_tls_files();
    }
    reloading_ = false;
}

task<> server::reload_settings(std::function<void(std::string)> done) {
    std::string problem;
    manager_.reloading();
    try {
        auto loaded = load_settings(sources_);
        auto next = apply_reload(live_->values, std::move(loaded.values));
        auto before = tls_sides_of(*live_);
        auto sides = co_await tls_.make(next.values, std::move(before));
        auto live = make_live(next.values, std::move(sides));
        load_users(next.values);
        take_live(std::move(live));
        for (const auto& m : loaded.messages)
            spdlog::info("{}", to_string(m));
        for (const auto& m : next.messages)
            spdlog::warn("{}", to_string(m));
        std::string changed;
        for (const auto& key : next.changed)
            changed += (changed.empty() ? "" : ",") + key;
        spdlog::info("settings reloaded changed={}", changed.empty() ? "none" : changed);
        control_counters_.reloads.add();
    } catch (const std::exception& e) {
        problem = e.what();
        control_counters_.reload_failures.add();
        spdlog::error("settings not reloaded, the old ones stay: {}", problem);
    }
    manager_.reloaded();
    done(problem);
}

/// The settings stay what they are. A look that finds nothing new says nothing, and one that finds
/// the same fault says it once.
task<> server::reload_tls_files() {
    try {
        const auto before = tls_sides_of(*live_);
        auto sides = co_await tls_.make(live_->values, before);
        tls_fault_.clear();
        control_counters_.tls_files_refused.set(0);
        if (sides == before) co_return;
        auto live = std::make_shared<live_settings>(*live_);
        live->client_side_tls = std::move(sides.clients);
        live->server_side_tls = std::move(sides.servers);
        take_live(std::move(live));
        control_counters_.tls_reloads.add();
    } catch (const std::exception& e) {
        control_counters_.tls_files_refused.set(1);
        if (tls_fault_ == e.what()) co_return;
        tls_fault_ = e.what();
        control_counters_.tls_reload_failures.add();
        spdlog::error("changed TLS files not taken, the old ones stay: {}", tls_fault_);
    }
}

tls_sides server::tls_sides_of(const live_settings& live) {
    return {live.client_side_tls, live.server_side_tls};
}

/// From now on this is what holds.
void server::take_live(live_settings_ptr live) {
    const auto before = tls_sides_of(*live_);
    live_ = std::move(live);
    const auto now = tls_sides_of(*live_);
    log::set_level(live_->values.log_level);
    budget_->set_fairness_slack(live_->values.fairness_slack);
    budget_->set_connect_rate(live_->values.server_connect_rate);
    log_tls(before, now);
    tls_.watch(live_->values);
    const auto watch = watch_settings();
    monitor_->reload(watch);
    catalogs_->reload(watch);
    instances_->reload(live_->values);
    shared_.arrivals.set(live_->values.max_logins_per_address,
                         live_->values.max_login_failures_per_address);
    for (auto& l : listeners_)
        workers_[l.worker]->post([at = l.at, live = live_] { at->tune(live->values); });
    // Connections made the old way go once every worker makes them the new way.
    const bool recycles = before.servers != now.servers;
    const auto left = std::make_shared<std::atomic<std::size_t>>(workers_.size());
    for (auto& w : workers_) {
        w->post([this, &w = *w, live = live_, recycles, left] {
            w.on_settings(live);
            if (left->fetch_sub(1) == 1 && recycles) retire_all();
        });
    }
}

void server::retire_all() {
    budget_->retire([](const pool_key&) { return true; });
    for (auto& w : workers_)
        w->post([&w = *w] { w.close_outdated(); });
}

monitor_settings server::watch_settings() const {
    auto watch = monitor_settings_of(live_->values);
    if (const auto& tls = live_->server_side_tls; tls && !tls->passphrase.empty())
        watch.connection_options.emplace_back("sslpassword", tls->passphrase.value);
    return watch;
}

} // namespace pgweir
