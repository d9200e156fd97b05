// The catalog reader's insides: one coroutine and at most one connection per database in use.
// The table of slots is behind a mutex; everything else is the control thread's.
#pragma once

#include "proxy/asio.hpp"
#include "proxy/cluster/catalog_reader.hpp"
#include "proxy/cluster/pg_link.hpp"

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace pgweir {

class catalog_reader::impl : public std::enable_shared_from_this<catalog_reader::impl> {
public:
    using clock = std::chrono::steady_clock;

    impl(asio::io_context& control,
         monitor_settings settings,
         catalog_source source,
         publish_function publish);

    // Any thread.
    [[nodiscard]] std::shared_ptr<catalog_slot> want(const std::string& name);
    void invalidate(const std::shared_ptr<catalog_slot>& slot);
    [[nodiscard]] const io_executor& executor() const { return executor_; }

    // Control thread.
    void on_view(const cluster_view& view);
    void on_reload(monitor_settings settings);
    void stop(std::function<void()> done);

private:
    struct database {
        database(const io_executor& executor, std::shared_ptr<catalog_slot> its_slot)
            : slot{std::move(its_slot)}, link{executor}, timer{executor} {}

        std::shared_ptr<catalog_slot> slot;
        pg_link link;
        steady_timer timer;
        bool is_asked = true;
        bool is_reading = false;
        bool reconnect = false;
        bool of_standby = false; // what was read last
        std::optional<clock::time_point> read_at;
        clock::time_point not_before{};
        std::string last_complaint;
    };
    struct node_address {
        std::string host;
        std::string address;
        std::uint16_t port = 0;
        std::uint64_t role_epoch = 0;
        friend bool operator==(const node_address&, const node_address&) = default;
    };
    using maybe_failure = std::optional<link_failure>;

    void require_newer(catalog_slot& slot);
    [[nodiscard]] const std::optional<node_address>& source() const;
    void on_primary(const cluster_view& view);
    void on_no_primary(const cluster_view& view);
    [[nodiscard]] static bool is_hungry(const database& which);
    void read_anew(database& which);
    [[nodiscard]] static node_address address_of(const node_view& node);
    void post_read(const std::shared_ptr<catalog_slot>& slot);
    void ask(const std::shared_ptr<catalog_slot>& slot);
    [[nodiscard]] task<> serve(std::shared_ptr<impl> self, std::shared_ptr<database> which);
    [[nodiscard]] task<> wait(std::shared_ptr<database> which);
    [[nodiscard]] task<maybe_failure> read(std::shared_ptr<database> which);
    [[nodiscard]] task<maybe_failure> connect(std::shared_ptr<database> which);
    [[nodiscard]] task<maybe_failure> run(std::shared_ptr<database> which,
                                          std::vector<std::string> queries,
                                          std::vector<catalog_result>& results);
    void on_read(database& which, const maybe_failure& failure);
    void on_end();

    io_executor executor_;
    monitor_settings settings_;
    catalog_source source_;
    publish_function publish_;
    std::atomic<std::uint64_t> invalidations_{0};
    std::mutex mutex_; // slots_ alone
    std::map<std::string, std::shared_ptr<catalog_slot>> slots_;
    std::map<std::string, std::shared_ptr<database>> databases_;
    std::optional<node_address> primary_;  // the last one that was seen
    std::optional<node_address> stand_in_; // a standby, while there is no primary
    bool stopping_ = false;
    std::size_t running_ = 0;
    std::function<void()> done_;
};

} // namespace pgweir
