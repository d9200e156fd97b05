// Reads, per database in use, what the router must know of the primary's catalog, and hands each
// new snapshot out. Runs on the control io_context beside the monitor; one connection per database,
// closed when idle. What is read and how it becomes a `catalog` is the router's knowledge and comes
// in as two functions.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/cluster/monitor_settings.hpp"

#include <boost/asio/io_context.hpp>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace pgweir {

class catalog; // proxy/router

/// One query's rows as text; an absent value is NULL.
using catalog_result = std::vector<std::vector<std::optional<std::string>>>;

struct catalog_source {
    /// The queries, in order, for this server version (150020).
    std::function<std::vector<std::string>(std::uint32_t server_version)> queries;
    /// Their results, in the same order. Null: not usable (logged, asked again later).
    std::function<std::shared_ptr<const catalog>(const std::string& database,
                                                 std::uint32_t server_version,
                                                 std::vector<catalog_result> results)>
        build;
    /// Each reading that has ended; not good: the catalog could not be read. May be empty.
    std::function<void(bool good)> on_read;
};

/// Whether a snapshot is fresh is one comparison: snapshot generation >= required. Shared by all
/// workers.
struct catalog_slot {
    explicit catalog_slot(std::string name) : database{std::move(name)} {}
    const std::string database;
    // A snapshot of a lesser generation was read before some DDL had passed.
    std::atomic<std::uint64_t> required{0};
    // The same for the latest DDL that has changed what statements set off, and for the latest that
    // has made functions in C or the like.
    std::atomic<std::uint64_t> code{0};
    std::atomic<std::uint64_t> native_code{0};
    std::atomic<bool> is_posted{false}; // the reader's: a read is asked for and not begun
};

struct catalog_news {
    std::shared_ptr<catalog_slot> slot;
    std::shared_ptr<const catalog> snapshot;
    std::uint64_t generation = 0; // drawn before the first query of the read was written
};

class catalog_reader {
public:
    using publish_function = std::function<void(catalog_news)>;

    /// `control` outlives the reader. `publish` is called on the control thread for every new
    /// snapshot.
    catalog_reader(boost::asio::io_context& control,
                   monitor_settings settings,
                   catalog_source source,
                   publish_function publish);
    ~catalog_reader();
    catalog_reader(const catalog_reader&) = delete;
    catalog_reader& operator=(const catalog_reader&) = delete;

    /// Any thread. A session of this database has begun (after its login): its catalog is read now
    /// if it is not there, and kept fresh from now on. The slot lives as long as somebody holds it.
    /// Takes a mutex: not for every unit.
    [[nodiscard]] std::shared_ptr<catalog_slot> want(const std::string& database);

    /// Any thread. A statement that may have changed the catalog has been answered (or its
    /// connection is lost): older snapshots no longer count, and the catalog is read again at once
    /// (at most every `catalog_pause`).
    void invalidate(const std::shared_ptr<catalog_slot>& slot);

    /// Control thread. Where the primary is now. A change of primary reads everything again.
    void on_view(const cluster_view& view);

    /// Any thread.
    void reload(monitor_settings settings);
    void stop(std::function<void()> done);

    class impl;

private:
    std::shared_ptr<impl> impl_;
};

} // namespace pgweir
