// Whatever a session did, the next one on its server connection finds the state of a fresh login,
// and the session itself keeps its own while others work.
#include "tests/integration/session_dirt.hpp"
#include "tests/integration/state_dump.hpp"
#include "tests/support/proxied_test.hpp"

#include <sys/socket.h>

#include <array>
#include <iostream>
#include <memory>

namespace pgweir::test {
namespace {

using ::testing::Contains;
using ::testing::Not;

/// A server of its own, since the objects that hide something would be in other tests' way.
class state_equality : public ::testing::TestWithParam<session_dirt> {
protected:
    static void SetUpTestSuite() {
        if (is_direct()) return;
        cluster_options one_node;
        one_node.standbys = 0;
        cluster_ = std::make_unique<postgres_cluster>(one_node);
        cluster_->primary().must(dirt_objects());
    }
    static void TearDownTestSuite() {
        if (handed_on_ + closed_ > 0)
            std::cout << "server connections handed on: " << handed_on_
                      << ", replaced by new ones: " << closed_ << std::endl;
        proxies_ = {};
        cluster_.reset();
    }
    void SetUp() override {
        PGWEIR_ONLY();
        cluster_->primary().must(restart_sequences());
    }
    void TearDown() override {
        for (const auto& proxy : proxies_) {
            if (!proxy) continue;
            EXPECT_TRUE(proxy->running()) << "pgweir has died:\n" << proxy->log();
            proxy->expect_clean_log();
        }
    }

    /// The pgweir with that many server connections, none of them used before. One worker: with
    /// two the only connection may be the other one's.
    static pgweir_process& proxy(std::size_t pool_size) {
        auto& instance = proxies_.at(pool_size);
        if (instance && !instance->running()) instance.reset();
        if (!instance) {
            pgweir_options options;
            options.settings["pool_size"] = std::to_string(pool_size);
            options.settings["max_pinned"] =
                std::to_string(std::max<std::size_t>(pool_size, 2) - 1);
            options.settings["workers"] = "1";
            options.settings["queue_timeout"] = "10s";
            instance = std::make_unique<pgweir_process>(cluster_->addresses(), options);
        }
        pg_connection console{conninfo(instance->port(), accounts::superuser, "pgweir")};
        console.must("reconnect");
        return *instance;
    }
    static pg_connection login(int port, const account& who, const std::string& extra = "") {
        pg_connection session{conninfo(port, who, "app", "application_name=equal " + extra)};
        if (!session.connected()) throw std::runtime_error(session.error());
        return session;
    }
    static pg_connection fresh_login(const account& who, const std::string& extra = "") {
        return login(cluster_->primary().port(), who, extra);
    }
    static state_dump state_of_its_owner(const std::vector<std::string>& probes);

    static std::unique_ptr<postgres_cluster> cluster_;
    static std::array<std::unique_ptr<pgweir_process>, 4> proxies_; ///< by pool size
    static int handed_on_;
    static int closed_;
};

std::unique_ptr<postgres_cluster> state_equality::cluster_;
std::array<std::unique_ptr<pgweir_process>, 4> state_equality::proxies_;
int state_equality::handed_on_ = 0;
int state_equality::closed_ = 0;

pg_result take(pg_connection& session, const dirty_step& step) {
    switch (step.how) {
    case dirty_step::way::extended:
        return session.exec_params(step.sql);
    case dirty_step::way::prepare:
        return session.prepare(step.name, step.sql);
    default:
        return session.exec(step.sql);
    }
}

void soil(pg_connection& session, const session_dirt& dirt) {
    for (const auto& step : dirt.steps) {
        const auto result = take(session, step);
        EXPECT_EQ(result.sqlstate(), step.sqlstate) << step.sql << ": " << result.message();
    }
}

/// What setseed(0.25) makes of the next calls.
const std::vector<std::string>& seeded_values(postgres_node& node) {
    static const std::vector<std::string> values = [&] {
        auto session = node.connect("app");
        session.must("select setseed(0.25)");
        std::vector<std::string> all;
        for (int count = 0; count < 100; ++count)
            all.push_back(session.value("select random()::text"));
        return all;
    }();
    return values;
}

TEST_P(state_equality, TheNextSessionFindsAFreshLogin) {
    const auto& dirt = GetParam();
    for (const bool says_goodbye : {true, false}) {
        SCOPED_TRACE(says_goodbye ? "the session ended with Terminate" : "the client vanished");
        const auto& through = proxy(1);
        std::string used;
        {
            auto session = login(through.port(), dirt.who, dirt.extra);
            used = session.value("select pg_backend_pid()");
            soil(session, dirt);
            if (!says_goodbye) ::shutdown(PQsocket(session.handle()), SHUT_RDWR);
        }
        auto next = login(through.port(), dirt.who);
        const auto first = next.exec("select random()::text");
        ASSERT_TRUE(first.ok()) << first.message();
        EXPECT_THAT(seeded_values(cluster_->primary()), Not(Contains(first.value())))
            << "the seed is another session's";
        const auto seen = dump_state(next, dirt.probes);
        ++(next.value("select pg_backend_pid()") == used ? handed_on_ : closed_);
        auto fresh = fresh_login(dirt.who);
        EXPECT_EQ(differences(dump_state(fresh, dirt.probes), seen), "");
    }
}

/// The state of who has done that on a connection of his own.
state_dump state_equality::state_of_its_owner(const std::vector<std::string>& probes) {
    auto reference = fresh_login(GetParam().who);
    soil(reference, GetParam());
    auto state = dump_state(reference, probes);
    const auto pid = std::to_string(reference.backend_pid());
    reference.close();
    // What it holds would be in the way.
    EXPECT_TRUE(
        wait_until([&] { return cluster_->primary().count_backends("pid = " + pid) == 0; }));
    cluster_->primary().must(restart_sequences());
    return state;
}

TEST_P(state_equality, TheSessionKeepsItsStateWhileOthersWork) {
    const auto& dirt = GetParam();
    if (dirt.only_to_leave) GTEST_SKIP() << "nothing to go on with";
    auto probes = dirt.probes;
    probes.insert(probes.end(), dirt.owner_probes.begin(), dirt.owner_probes.end());
    const auto owned = state_of_its_owner(probes);
    auto fresh = fresh_login(dirt.who);
    const auto clean = dump_state(fresh, dirt.probes);
    fresh.close();

    const auto& through = proxy(3);
    auto session = login(through.port(), dirt.who);
    soil(session, dirt);
    std::vector<pg_connection> others;
    for (int count = 0; count < 3; ++count)
        others.push_back(login(through.port(), dirt.who));
    others[0].must("begin; select pg_current_xact_id()");
    others[1].must("begin; select pg_current_xact_id()");
    others[2].send("select 1");
    // An owner that is pinned leaves two server connections to the three others.
    if (!others[2].answered_within(60ms)) others[1].must("commit");
    while (others[2].next_result()) {
    }
    EXPECT_EQ(differences(clean, dump_state(others[2], dirt.probes)), "") << "another session saw";
    // What it has been asked for may pin a session: it leaves before the next one asks.
    others.erase(others.begin() + 1, others.end());
    others[0].must("commit");
    EXPECT_EQ(differences(clean, dump_state(others[0], dirt.probes)), "") << "another session saw";
    others.clear();
    EXPECT_EQ(differences(owned, dump_state(session, probes)), "") << "its owner saw";
}

std::string name_of(const ::testing::TestParamInfo<session_dirt>& info) {
    return info.param.name;
}

INSTANTIATE_TEST_SUITE_P(parameter, state_equality, ::testing::ValuesIn(parameter_dirt()), name_of);
INSTANTIATE_TEST_SUITE_P(object, state_equality, ::testing::ValuesIn(object_dirt()), name_of);
INSTANTIATE_TEST_SUITE_P(hidden, state_equality, ::testing::ValuesIn(hidden_dirt()), name_of);

} // namespace
} // namespace pgweir::test
