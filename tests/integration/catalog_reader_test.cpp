// The catalog reader against real servers, without the proxy around it.
#include "proxy/cluster/catalog_reader.hpp"
#include "proxy/router/catalog_queries.hpp"
#include "proxy/router/catalog_snapshot.hpp"
#include "tests/support/postgres_cluster.hpp"
#include "tests/support/proxied_test.hpp"
#include "tests/support/wait.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <future>
#include <mutex>
#include <sstream>
#include <thread>

namespace pgweir::test {
namespace {

/// A control thread with a catalog reader on it, what it has published, and what it has complained
/// about.
class running_reader {
public:
    explicit running_reader(postgres_cluster& cluster)
        : log_{std::make_shared<spdlog::sinks::ostream_sink_mt>(complaints_, true)},
          reader_{control_, settings_for(cluster), source(), [this](catalog_news news) {
                      const std::lock_guard lock{mutex_};
                      all_.push_back(std::move(news));
                  }} {
        log_->set_level(spdlog::level::warn);
        spdlog::default_logger()->sinks().push_back(log_);
        node_view primary;
        primary.host = primary.address = "127.0.0.1";
        primary.port = static_cast<std::uint16_t>(cluster.primary().port());
        view_.nodes.push_back(primary);
        view_.primary = 0;
        boost::asio::post(control_, [this] { reader_.on_view(view_); });
        thread_ = std::thread{[this] { control_.run(); }};
    }
    ~running_reader() {
        std::promise<void> stopped;
        reader_.stop([&stopped] { stopped.set_value(); });
        EXPECT_EQ(stopped.get_future().wait_for(patience), std::future_status::ready);
        guard_.reset();
        thread_.join();
        std::erase(spdlog::default_logger()->sinks(), log_);
    }
    running_reader(const running_reader&) = delete;
    running_reader& operator=(const running_reader&) = delete;

    [[nodiscard]] catalog_reader& reader() { return reader_; }
    /// Whether a snapshot as new as the slot requires has come within the limit.
    [[nodiscard]] bool wait_fresh(const catalog_slot& slot) {
        return wait_until([&] {
            const std::lock_guard lock{mutex_};
            return !all_.empty() && all_.back().generation >= slot.required.load();
        });
    }
    [[nodiscard]] std::shared_ptr<const catalog> latest() {
        const std::lock_guard lock{mutex_};
        return all_.back().snapshot;
    }
    [[nodiscard]] std::size_t reads() {
        const std::lock_guard lock{mutex_};
        return all_.size();
    }
    /// Only once no read is under way.
    [[nodiscard]] std::string complaints() const { return complaints_.str(); }

private:
    static monitor_settings settings_for(postgres_cluster& cluster) {
        monitor_settings settings;
        settings.nodes.push_back({"127.0.0.1", static_cast<std::uint16_t>(cluster.primary().port()),
                                  1.0, "", false, "", "", true});
        settings.user = accounts::monitor.name;
        settings.password = accounts::monitor.password;
        settings.database = "app";
        settings.catalog_idle_timeout = 500ms;
        return settings;
    }
    static catalog_source source() {
        catalog_source source;
        source.queries = &catalog_queries;
        source.build = [](const std::string& database, std::uint32_t version,
                          std::vector<catalog_result> results) {
            const auto rows = rows_of(database, version, results);
            EXPECT_TRUE(rows) << rows.error().what;
            return build_catalog(*rows);
        };
        return source;
    }

    std::ostringstream complaints_;
    std::shared_ptr<spdlog::sinks::ostream_sink_mt> log_;
    boost::asio::io_context control_{1};
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> guard_{
        control_.get_executor()};
    std::mutex mutex_;
    std::vector<catalog_news> all_;
    cluster_view view_;
    catalog_reader reader_;
    std::thread thread_;
};

bool knows(const catalog& known, const std::string& relation) {
    return known.relation({"public", relation}, name_scope::any_schema).is_pure();
}

} // namespace

TEST(CatalogReader, ReadsOnDemandAndAgainAfterAnInvalidation) {
    drop_shared_pgweir(); // it reads catalogs of its own
    auto& cluster = shared_cluster();
    running_reader running{cluster};
    auto& reader = running.reader();
    const auto slot = reader.want("app");
    EXPECT_EQ(slot, reader.want("app"));
    ASSERT_TRUE(running.wait_fresh(*slot));
    EXPECT_EQ(running.latest()->database(), "app");
    EXPECT_FALSE(knows(*running.latest(), "fresh"));
    cluster.primary().must("CREATE TABLE fresh ()");
    for (int i = 0; i < 100; ++i)
        reader.invalidate(slot);
    ASSERT_TRUE(running.wait_fresh(*slot));
    EXPECT_TRUE(knows(*running.latest(), "fresh"));
    EXPECT_LE(running.reads(), 5U) << "coalesced";
    cluster.primary().must("DROP TABLE fresh");
    EXPECT_TRUE(wait_until([&] {
        return cluster.primary().count_backends("application_name = 'pgweir catalog'") == 0;
    })) << "closed when idle";
    reader.invalidate(slot);
    EXPECT_TRUE(running.wait_fresh(*slot)) << "and opened again";
}

TEST(CatalogReader, IsNotKeptFromReadingByObjectsThatAreDroppedMeanwhile) {
    drop_shared_pgweir();
    auto& cluster = shared_cluster();
    cluster.primary().must("create table lasting (n int); create schema restless");
    for (int i = 0; i < 100; ++i)
        cluster.primary().must("create view restless.quiet_" + std::to_string(i) +
                               " as select * from lasting");
    std::atomic<bool> stop = false;
    std::vector<std::thread> restless;
    for (int number = 0; number < 3; ++number)
        restless.emplace_back([&cluster, &stop, number] {
            auto session = cluster.primary().connect("app");
            const auto name = "restless.v" + std::to_string(number);
            while (!stop) {
                session.must("create view " + name + " as select n + 1 as n from lasting;" +
                             "create rule r as on update to " + name + " do instead nothing");
                session.must("drop view " + name);
            }
        });
    {
        running_reader running{cluster};
        const auto slot = running.reader().want("app");
        for (int round = 0; round < 15; ++round) {
            EXPECT_TRUE(running.wait_fresh(*slot)) << round;
            EXPECT_TRUE(knows(*running.latest(), "lasting"));
            running.reader().invalidate(slot);
        }
        EXPECT_TRUE(running.wait_fresh(*slot));
        EXPECT_EQ(running.complaints(), "");
    }
    stop = true;
    for (auto& thread : restless)
        thread.join();
    cluster.primary().must("drop schema restless cascade; drop table lasting");
}

} // namespace pgweir::test
