// Rules of pg_hba.conf that change all the time while clients come, go and work: whom every version
// lets in comes in, whom none does never does, and who is in stays.
#include "tests/support/proxied_test.hpp"
#include "tests/support/steady_load.hpp"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <thread>

namespace pgweir::test {
namespace {

/// What comes of the logins of one user, who tries again and again.
class knocker {
public:
    knocker(int port, const account& who) : conninfo_{conninfo(port, who)} {
        thread_ = std::thread{[this] { knock(); }};
    }
    ~knocker() { stop(); }
    knocker(const knocker&) = delete;
    knocker& operator=(const knocker&) = delete;

    void stop() {
        stopping_ = true;
        if (thread_.joinable()) thread_.join();
    }
    /// How often each answer came: "in", or the error's last line without its prefix.
    std::map<std::string, int> answers() {
        const std::lock_guard guard{mutex_};
        return answers_;
    }

private:
    static std::string told(const std::string& error) {
        const auto begin = error.find("FATAL:  ");
        if (begin == std::string::npos) return error;
        const auto text = error.substr(begin + 8);
        return text.substr(0, text.find('\n'));
    }
    void knock() {
        while (!stopping_) {
            pg_connection session{conninfo_};
            auto answer = session.connected() ? "in" : told(session.error());
            const std::lock_guard guard{mutex_};
            ++answers_[answer];
        }
    }

    std::string conninfo_;
    std::atomic<bool> stopping_ = false;
    std::mutex mutex_; // answers_
    std::map<std::string, int> answers_;
    std::thread thread_;
};

class hba_reload : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        cluster_options options;
        options.standbys = 0;
        cluster_ = std::make_unique<postgres_cluster>(options);
        cluster_->primary().must("create role hba_team; grant hba_team to app", "postgres");
        write(versions[0]);
        pgweir_options proxy;
        proxy.settings = {{"hba_file", file()},
                          {"auth_user", accounts::lookup.name},
                          {"auth_password", accounts::lookup.password},
                          {"auth_query", "select * from weir.lookup($1)"}};
        proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), proxy);
    }
    [[nodiscard]] std::string file() const { return (directory_.path() / "hba").string(); }
    void write(const std::string& rules) const { write_file(file(), rules, 0600); }

    /// Whether it was taken or refused, as it has to be. By a signal or by the console's word.
    [[nodiscard]] bool reload(bool by_console, bool good) const {
        const std::string counter = good ? "pgweir_reloads_total" : "pgweir_reload_failures_total";
        const auto before = proxy_->metric(counter);
        if (by_console) {
            pg_connection console{conninfo(proxy_->port(), accounts::superuser, "pgweir")};
            return console.exec("reload").ok() == good && proxy_->metric(counter) == before + 1;
        }
        proxy_->send_signal(SIGHUP);
        return wait_until([&] { return proxy_->metric(counter) == before + 1; });
    }

    /// All have app and keep other out; app_md5 is let in by the first alone. The last two are
    /// broken behind a line that would let everybody in.
    static inline const std::vector<std::string> versions{
        "host all postgres all scram-sha-256\nhost app app,app_md5 127.0.0.0/8 md5\n"
        "host all other all reject\n",
        "host pgweir postgres samehost scram-sha-256\nhost app +hba_team all scram-sha-256\n"
        "host all app all reject\n",
        "host all all all trust\nhost all all 10.0.0.0/99 trust\n",
        "host all all all trust\nhost all +hba_team all\n"};

    temp_directory directory_{"hba"};
    std::unique_ptr<postgres_cluster> cluster_;
    std::unique_ptr<pgweir_process> proxy_;
};

/// Some reloads here; as many as one likes by the environment variable PGWEIR_RELOADS.
TEST_F(hba_reload, UnderLoadNobodyIsLetInOrKeptOutByMistake) {
    const auto* const asked = std::getenv("PGWEIR_RELOADS");
    const int reloads = asked == nullptr ? 30 : std::atoi(asked);
    steady_load load{proxy_->port()};
    knocker kept_out{proxy_->port(), accounts::other};
    knocker sometimes{proxy_->port(), accounts::md5_user};
    int done = 0;
    int broken = 0;
    for (int i = 1; i <= reloads; ++i) {
        // The good ones in turn, and now and then a broken one between them.
        const bool is_broken = i % 5 == 0;
        const auto number = is_broken ? 2 + broken++ % 2 : (i - broken) % 2;
        write(versions[static_cast<std::size_t>(number)]);
        if (reload(i % 2 == 0, !is_broken)) ++done;
    }
    load.stop();
    kept_out.stop();
    sometimes.stop();
    EXPECT_EQ(done, reloads) << proxy_->log();
    EXPECT_EQ(load.errors(), 0) << load.first_error();
    EXPECT_GT(load.logins(), reloads / 2);
    const std::string host = "host \"127.0.0.1\", user ";
    const std::string rejected = "pg_hba.conf rejects connection for " + host;
    const std::string none = "no pg_hba.conf entry for " + host;
    const std::string rest = ", database \"app\", no encryption";
    auto answers = kept_out.answers();
    EXPECT_GT(answers[rejected + "\"other\"" + rest], 0);
    EXPECT_GT(answers[none + "\"other\"" + rest], 0);
    EXPECT_EQ(answers.size(), 2U) << ::testing::PrintToString(answers);
    auto changing = sometimes.answers();
    EXPECT_GT(changing["in"], 0);
    EXPECT_GT(changing[none + "\"app_md5\"" + rest], 0);
    EXPECT_EQ(changing.size(), 2U) << ::testing::PrintToString(changing);
    int refused = 0;
    for (const auto& [answer, count] : answers)
        refused += count;
    std::printf("reloads=%d broken=%d logins=%d written=%d refused=%d changing=%d/%d\n", reloads,
                broken, load.logins(), load.written(), refused, changing["in"],
                changing[none + "\"app_md5\"" + rest]);
}

} // namespace
} // namespace pgweir::test
