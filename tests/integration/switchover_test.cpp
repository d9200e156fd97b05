// SWITCHOVER and PAUSE: clients between transactions notice nothing but a wait.
#include "tests/support/proxied_test.hpp"
#include "tests/support/steady_load.hpp"
#include "tests/support/switchover_script.hpp"

namespace pgweir::test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

int standbys_in_use(pg_connection& console) {
    const auto nodes = console.exec("show nodes");
    int readable = 0;
    for (int row = 0; row < nodes.rows(); ++row)
        if (nodes.value(row, "readable") == "t") ++readable;
    return readable;
}

TEST(switchover, UnderLoadIsAWaitAndNothingElse) {
    PGWEIR_ONLY();
    postgres_cluster cluster;
    const switchover_script script{cluster};
    pgweir_options options;
    options.settings = {{"switchover_command", script.setting()}};
    pgweir_process proxy{cluster.addresses(), options};
    pg_connection console{conninfo(proxy.port(), accounts::superuser, "pgweir")};
    steady_load load{proxy.port()};
    int before = 0;
    for (const std::string target : {"1", "0", ""}) {
        ASSERT_TRUE(wait_until(
            [&] { return load.written() > before + 50 && standbys_in_use(console) == 2; }));
        const auto answer = console.exec(target.empty() ? "switchover" : "switchover " + target);
        ASSERT_TRUE(answer.ok()) << answer.message();
        ASSERT_EQ(answer.rows(), 1);
        EXPECT_NE(answer.value(0, "old_primary"), answer.value(0, "new_primary"));
        if (!target.empty()) {
            EXPECT_EQ(answer.value(0, "new_primary"),
                      cluster.nodes()[target == "1" ? 1 : 0]->address());
        }
        before = load.written();
        RecordProperty("held_ms_" + target, answer.value(0, "held_ms"));
    }
    ASSERT_TRUE(wait_until([&] { return load.written() > before + 50; }));
    load.stop();
    EXPECT_EQ(load.errors(), 0) << load.first_error();
    EXPECT_GT(load.logins(), 0);
    pg_connection session{conninfo(proxy.port(), accounts::app)};
    EXPECT_EQ(session.value("select count(*) from written"), std::to_string(load.written()));
    EXPECT_EQ(proxy.metric("pgweir_switchovers_total"), 3);
    EXPECT_EQ(proxy.metric("pgweir_switchover_failures_total"), 0);
    EXPECT_THAT(proxy.log(), HasSubstr("switchover done"));
}

/// What does not change the primary: on the shared cluster.
class failed_switchover : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
    void TearDown() override {
        if (proxy_) EXPECT_TRUE(proxy_->running()) << proxy_->log();
    }
    void start(const std::string& command, settings_map more = {}) {
        pgweir_options options;
        options.settings = std::move(more);
        options.settings["switchover_command"] = command;
        proxy_ = std::make_unique<pgweir_process>(shared_cluster().addresses(), options);
        console_ = std::make_unique<pg_connection>(
            conninfo(proxy_->port(), accounts::superuser, "pgweir"));
        session_ = std::make_unique<pg_connection>(conninfo(proxy_->port(), accounts::app));
        session_->must("create table if not exists pausing (n int)");
    }
    /// A command that leaves a file behind.
    [[nodiscard]] std::string touching() const { return R"(["touch", ")" + mark() + R"("])"; }
    [[nodiscard]] std::string mark() const { return directory_.path() / "has_run"; }
    void expect_service() {
        EXPECT_TRUE(session_->exec("insert into pausing values (1)").ok());
        EXPECT_TRUE(session_->exec("select 1").ok());
        EXPECT_EQ(proxy_->metric("pgweir_switchover_failures_total"), 1);
    }

    temp_directory directory_{"switchover"};
    std::unique_ptr<pgweir_process> proxy_;
    std::unique_ptr<pg_connection> console_;
    std::unique_ptr<pg_connection> session_;
};

TEST_F(failed_switchover, CommandThatFailsIsTold) {
    start(R"(["sh", "-c", "echo $PGWEIR_STANDBY_PORT is not willing; exit 3"])");
    const auto answer = console_->exec("switchover 1");
    EXPECT_EQ(answer.sqlstate(), "38000");
    const auto said = std::to_string(shared_cluster().standby(0).port()) + " is not willing";
    EXPECT_THAT(answer.message(), AllOf(HasSubstr("exit code 3"), HasSubstr(said)));
    EXPECT_THAT(proxy_->log(), HasSubstr(said));
    expect_service();
    EXPECT_THAT(console_->exec("switchover").message(), HasSubstr("exit code 3"))
        << "it may be tried again";
}

TEST_F(failed_switchover, CommandThatCannotBeRunIsTold) {
    start(R"(["/no/such/program"])");
    const auto answer = console_->exec("switchover");
    EXPECT_EQ(answer.sqlstate(), "38000");
    EXPECT_THAT(answer.message(), HasSubstr("No such file"));
    expect_service();
}

TEST_F(failed_switchover, CommandThatTakesTooLongIsEnded) {
    start(R"(["sleep", "60"])", {{"switchover_timeout", "700ms"}, {"queue_timeout", "100ms"}});
    console_->send("switchover");
    ASSERT_TRUE(
        wait_until([&] { return proxy_->log().find("command runs") != std::string::npos; }));
    session_->send("insert into pausing values (2)");
    EXPECT_FALSE(session_->answered_within(200ms)) << "held";
    const auto answer = console_->next_result();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->sqlstate(), "57014");
    const auto held = session_->next_result();
    ASSERT_TRUE(held);
    EXPECT_TRUE(held->ok()) << "the time of the hold is not the client's: " << held->message();
    while (session_->next_result()) {
    }
    while (console_->next_result()) {
    }
    expect_service();
}

TEST_F(failed_switchover, CommandThatDoesNothingIsSeenThrough) {
    start(touching());
    const auto answer = console_->exec("switchover");
    EXPECT_EQ(answer.sqlstate(), "55000");
    EXPECT_THAT(answer.message(), HasSubstr("still " + shared_cluster().primary().address()));
    EXPECT_TRUE(std::filesystem::exists(mark()));
    expect_service();
}

TEST_F(failed_switchover, LongTransactionIsNotHurt) {
    start(touching(), {{"switchover_drain_timeout", "500ms"}});
    session_->must("begin");
    session_->must("insert into pausing values (3)");
    const auto answer = console_->exec("switchover");
    EXPECT_EQ(answer.sqlstate(), "55006");
    EXPECT_THAT(answer.message(), HasSubstr("1 server connections"));
    session_->must("commit");
    EXPECT_FALSE(std::filesystem::exists(mark()));
    expect_service();
}

TEST_F(failed_switchover, PinnedSessionIsNotHurt) {
    start(touching(), {{"switchover_drain_timeout", "500ms"}});
    session_->must("listen news");
    const auto answer = console_->exec("switchover");
    EXPECT_EQ(answer.sqlstate(), "55006");
    EXPECT_THAT(answer.message(), HasSubstr("1 of them"));
    EXPECT_FALSE(std::filesystem::exists(mark()));
    session_->must("notify news, 'still here'");
    EXPECT_TRUE(session_->notification(patience));
    expect_service();
}

TEST_F(failed_switchover, OperatorWhoLeavesWhileClientsDrainEndsIt) {
    start(touching(), {{"switchover_drain_timeout", "1h"}});
    session_->must("begin");
    session_->must("insert into pausing values (4)");
    console_->send("switchover");
    ASSERT_TRUE(wait_until([&] { return proxy_->log().find("begins") != std::string::npos; }));
    console_->close();
    EXPECT_TRUE(wait_until([&] {
        pg_connection other{conninfo(proxy_->port(), accounts::app)};
        return other.exec("insert into pausing values (5)").ok();
    })) << "clients go on";
    session_->must("commit");
    EXPECT_FALSE(std::filesystem::exists(mark()));
    expect_service();
}

TEST_F(failed_switchover, OperatorWhoLeavesLaterDoesNotStopTheCommand) {
    start(R"(["sh", "-c", "sleep 0.5; touch )" + mark() + R"(; exit 1"])");
    console_->send("switchover");
    ASSERT_TRUE(
        wait_until([&] { return proxy_->log().find("command runs") != std::string::npos; }));
    console_->close();
    session_->must("insert into pausing values (6)");
    EXPECT_TRUE(std::filesystem::exists(mark()));
    expect_service();
}

TEST_F(failed_switchover, IsRefusedWhereItCannotBe) {
    start(touching());
    EXPECT_EQ(console_->exec("switchover 7").sqlstate(), "42704");
    EXPECT_EQ(console_->exec("switchover 0").sqlstate(), "55000");
    EXPECT_FALSE(std::filesystem::exists(mark()));
    proxy_->rewrite_settings({{"switchover_command", ""}});
    console_->must("reload");
    EXPECT_THAT(console_->exec("switchover").message(), HasSubstr("not set"));
    EXPECT_TRUE(session_->exec("insert into pausing values (7)").ok());
}

TEST_F(failed_switchover, ThereIsOneAtATime) {
    start(R"(["sh", "-c", "sleep 1; exit 1"])");
    console_->send("switchover");
    ASSERT_TRUE(
        wait_until([&] { return proxy_->log().find("command runs") != std::string::npos; }));
    pg_connection other{conninfo(proxy_->port(), accounts::superuser, "pgweir")};
    EXPECT_EQ(other.exec("switchover").sqlstate(), "55006");
    EXPECT_EQ(other.exec("show state").value(1, 1), "yes");
    while (console_->next_result()) {
    }
    EXPECT_EQ(other.exec("show state").value(1, 1), "no");
    expect_service();
}

TEST_F(failed_switchover, PauseLeavesNoServerConnectionAndSaysWhatIsPaused) {
    drop_shared_pgweir(); // its connections are not told from this one's
    start(touching());
    session_->must("insert into pausing values (8)");
    console_->must("pause");
    EXPECT_TRUE(wait_until([&] {
        return shared_cluster().primary().count_backends(
                   "datname = 'app' and application_name not like 'pgweir %'") == 0;
    })) << "a server may be stopped without anybody noticing";
    EXPECT_EQ(console_->exec("pause").sqlstate(), "55000");
    EXPECT_EQ(console_->exec("pause app").sqlstate(), "55000");
    console_->must("resume");
    EXPECT_EQ(console_->exec("resume").sqlstate(), "55000");
    console_->must("pause app");
    EXPECT_EQ(console_->exec("resume postgres").sqlstate(), "55000");
    console_->must("resume app");
    EXPECT_TRUE(session_->exec("insert into pausing values (9)").ok());
}

} // namespace
} // namespace pgweir::test
