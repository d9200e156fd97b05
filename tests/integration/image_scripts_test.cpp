// The scripts of deploy/images/pgweir: what the container starts with, and its probes.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using variables = std::map<std::string, std::string>;

std::string script(const std::string& name) {
    return PGWEIR_SOURCE_DIR "/deploy/images/pgweir/scripts/" + name;
}

spawn_options with(variables environment, std::filesystem::path log = {}) {
    spawn_options options;
    options.environment = std::move(environment);
    options.log_file = std::move(log);
    return options;
}

class image_scripts : public ::testing::Test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }

    /// A program named pgweir, first in the path, that says what it was started with.
    void pretend_pgweir() const {
        write_file(directory_.path() / "pgweir",
                   "#!/bin/bash\necho \"pgweir $* word=${WORD:-} "
                   "level=${PGWEIR_CFG_LOG_LEVEL:-}\"\n",
                   0755);
    }
    [[nodiscard]] std::filesystem::path init_scripts() const {
        const auto path = directory_.path() / "init";
        std::filesystem::create_directories(path);
        return path;
    }
    [[nodiscard]] variables environment(variables more = {}) const {
        more["PATH"] = directory_.path().string() + ":/usr/bin:/bin";
        more["PGPOOL_INITSCRIPTS_DIR"] = init_scripts().string();
        return more;
    }
    [[nodiscard]] command_result entry(std::vector<std::string> arguments,
                                       const variables& more = {}) const {
        arguments.insert(arguments.begin(), script("entrypoint.sh"));
        return run_command(arguments, with(environment(more)));
    }
    [[nodiscard]] static int health(const variables& more) {
        return run_command({script("healthcheck.sh")}, with(more)).exit_code;
    }

    temp_directory directory_{"image"};
};

TEST_F(image_scripts, OptionsGoToPgweirAndOtherCommandsAreRunAsTheyAre) {
    pretend_pgweir();
    EXPECT_THAT(entry({}).output, HasSubstr("pgweir  word="));
    EXPECT_THAT(entry({"--check"}).output, HasSubstr("pgweir --check word="));
    EXPECT_THAT(entry({script("run.sh"), "--check"}).output, HasSubstr("pgweir --check word="));
    EXPECT_EQ(entry({"echo", "hello"}).output, "hello\n");
}

TEST_F(image_scripts, InitScriptsRunFirstInOrder) {
    pretend_pgweir();
    write_file(init_scripts() / "1-program.sh", "#!/bin/bash\necho one; export WORD=lost\n", 0755);
    write_file(init_scripts() / "2-read.sh", "echo two $UNSET_NAME; export WORD=kept\n", 0644);
    write_file(init_scripts() / "3-notes.txt", "echo three\n", 0644);
    const auto started = entry({});
    EXPECT_EQ(started.exit_code, 0);
    EXPECT_LT(started.output.find("one\n"), started.output.find("two\n"));
    EXPECT_THAT(started.output, HasSubstr("word=kept"));
    EXPECT_THAT(started.output, ::testing::Not(HasSubstr("three")));
    EXPECT_THAT(entry({"true"}).output, ::testing::Not(HasSubstr("one")));

    write_file(init_scripts() / "4-fails.sh", "#!/bin/bash\nexit 3\n", 0755);
    const auto failed = entry({});
    EXPECT_EQ(failed.exit_code, 3);
    EXPECT_THAT(failed.output, ::testing::Not(HasSubstr("pgweir ")));
}

TEST_F(image_scripts, DebuggingAsTheImageCallsIt) {
    pretend_pgweir();
    const auto run = script("run.sh");
    EXPECT_THAT(entry({run}, {{"BITNAMI_DEBUG", "true"}}).output, HasSubstr("level=debug"));
    EXPECT_THAT(entry({run}, {{"BITNAMI_DEBUG", "false"}}).output, HasSubstr("level=\n"));
    EXPECT_THAT(entry({run}, {{"BITNAMI_DEBUG", "yes"}, {"PGWEIR_CFG_LOG_LEVEL", "error"}}).output,
                HasSubstr("level=error"));
}

TEST_F(image_scripts, ThePodOfTheImageBecomesReadyAndStops) {
    std::filesystem::create_symlink(pgweir_process::binary(), directory_.path() / "pgweir");
    std::string nodes;
    int number = 0;
    for (const auto& node : shared_cluster().nodes())
        nodes += std::to_string(number++) + ":" + node->address() + ",";
    const auto port = std::to_string(free_port());
    const auto http = std::to_string(free_port());
    const auto set = environment({{"PGPOOL_BACKEND_NODES", nodes},
                                  {"PGPOOL_SR_CHECK_USER", accounts::monitor.name},
                                  {"PGPOOL_SR_CHECK_PASSWORD", accounts::monitor.password},
                                  {"PGPOOL_POSTGRES_USERNAME", accounts::superuser.name},
                                  {"PGPOOL_POSTGRES_PASSWORD", accounts::superuser.password},
                                  {"PGPOOL_ENABLE_LDAP", "no"},
                                  {"PGPOOL_ENABLE_LOG_HOSTNAME", "yes"},
                                  {"PGPOOL_CHILD_LIFE_TIME", ""},
                                  {"PGPOOL_SVC_PORT", "tcp://10.0.0.1:5432"},
                                  {"PGPOOL_PORT", "tcp://10.0.0.1:5432"},
                                  {"PGPOOL_TMP_DIR", directory_.path().string()},
                                  {"PGPOOL_PORT_NUMBER", port},
                                  {"PGWEIR_CFG_HTTP_PORT", http}});
    const auto log = directory_.path() / "log";
    child_process pod{{script("entrypoint.sh"), script("run.sh")}, with(set, log)};
    const auto ready = [&](const std::string& password) {
        const std::string probe = "PGPASSWORD=" + password + " psql -U postgres -d postgres -h " +
                                  directory_.path().string() + " -p " + port +
                                  " -tA -c 'SELECT 1' >/dev/null";
        return run_command({"bash", "-ec", probe}).exit_code == 0;
    };
    EXPECT_TRUE(wait_until([&] { return ready(accounts::superuser.password); })) << read_file(log);
    EXPECT_FALSE(ready("wrong")) << "the socket believes nobody";
    EXPECT_EQ(health(set), 0);
    // Nobody named this user: the servers know the secret.
    pg_connection app{conninfo(std::stoi(port), accounts::app, "app")};
    EXPECT_TRUE(app.connected()) << app.error();
    pod.send_signal(SIGTERM);
    EXPECT_EQ(pod.wait_for_exit(std::chrono::seconds{30}), 0);
    EXPECT_NE(health(set), 0);
    EXPECT_THAT(read_file(log), ::testing::Not(HasSubstr(accounts::superuser.password)));
}

TEST_F(image_scripts, HealthIsAskedOverTheSocketWhereHttpIsNotFound) {
    pgweir_options options;
    options.settings["unix_socket_dir"] = directory_.path().string();
    options.wait_until_ready = false;
    std::filesystem::permissions(directory_.path(), std::filesystem::perms::all);
    pgweir_process proxy{shared_cluster().nodes().front()->address(), options};
    const variables set{{"PGWEIR_CFG_HTTP_PORT", std::to_string(free_port())},
                        {"PGWEIR_CFG_UNIX_SOCKET_DIR", directory_.path().string()},
                        {"PGWEIR_CFG_PORT", std::to_string(proxy.port())},
                        {"PGPOOL_HEALTH_CHECK_PSQL_TIMEOUT", "2"}};
    EXPECT_TRUE(wait_until([&] { return health(set) == 0; }));
    proxy.send_signal(SIGSTOP);
    EXPECT_NE(health(set), 0) << "it does not answer in time";
    proxy.send_signal(SIGCONT);
    EXPECT_TRUE(wait_until([&] { return health(set) == 0; }));
}

} // namespace
} // namespace pgweir::test
