#include "tests/support/network/repmgr_server.hpp"

#include "tests/support/wait.hpp"

#include <csignal>
#include <cstdlib>
#include <sstream>
#include <stdexcept>

namespace pgweir::test {

namespace {

std::string binary_directory() {
    const char* given = std::getenv("PGWEIR_TEST_PG_BIN");
    return given != nullptr ? given : "/usr/lib/postgresql/15/bin";
}

std::string binary(const std::string& name) {
    return binary_directory() + "/" + name;
}

/// Trust for those who administrate, passwords for the application.
std::string hba() {
    const auto from = " " + virtual_network::range() + " ";
    return "host all postgres,repmgr,app_trust 127.0.0.1/32 trust\n"
           "host all,replication postgres,repmgr,app_trust" +
           from + "trust\nhost all,replication all" + from + "scram-sha-256\n";
}

/// Ended, even if whoever has adopted it takes its time to notice.
bool is_gone(pid_t pid) {
    const auto stat = read_file("/proc/" + std::to_string(pid) + "/stat");
    const auto end_of_name = stat.rfind(')');
    return end_of_name == std::string::npos || stat.substr(end_of_name, 3) == ") Z";
}

constexpr const char* common_settings = "listen_addresses = '*'\n"
                                        "unix_socket_directories = ''\n"
                                        "shared_preload_libraries = 'repmgr'\n"
                                        "fsync = off\n"
                                        "shared_buffers = 32MB\n"
                                        "max_connections = 300\n"
                                        "superuser_reserved_connections = 10\n"
                                        "max_wal_senders = 20\n"
                                        "wal_log_hints = on\n"
                                        "wal_keep_size = 256MB\n"
                                        "min_wal_size = 64MB\n"
                                        "max_wal_size = 256MB\n"
                                        "hot_standby = on\n"
                                        "wal_retrieve_retry_interval = 200ms\n"
                                        "wal_receiver_status_interval = 1s\n"
                                        "wal_receiver_timeout = 5s\n"
                                        "wal_sender_timeout = 5s\n"
                                        "log_line_prefix = '%m %p %a '\n"
                                        "timezone = 'UTC'\n";

} // namespace

repmgr_server::repmgr_server(int number,
                             const virtual_network& network,
                             const std::filesystem::path& directory,
                             std::map<std::string, std::string> settings,
                             bool consensus)
    : number_{number}, host_{network.at("node" + std::to_string(number))},
      name_{"node" + std::to_string(number)}, address_{network.address(name_)},
      directory_{directory / name_}, data_{directory_ / "data"}, settings_{std::move(settings)} {
    must_run({"mkdir", directory_});
    write_repmgr_configuration(consensus);
    write_sshd_configuration();
}

repmgr_server::~repmgr_server() {
    host_.signal_all(SIGKILL);
}

std::string repmgr_server::log() const {
    return read_file(directory_ / "postgres.log");
}

std::string repmgr_server::repmgr_log() const {
    return read_file(directory_ / "repmgr.log");
}

void repmgr_server::write_repmgr_configuration(bool consensus) const {
    const auto file = (directory_ / "repmgr.conf").string();
    const auto repmgr = binary("repmgr") + " -f " + file;
    const auto pg_ctl = binary("pg_ctl") + " -D " + data_.string();
    const auto key = (directory_.parent_path() / "ssh_key").string();
    std::ostringstream text;
    text << "node_id=" << number_ << "\nnode_name='" << name_ << "'\n"
         << "conninfo='host=" << address_ << " port="
         << port
         // Bounded also where a link swallows everything.
         << " user=repmgr dbname=repmgr connect_timeout=2 tcp_user_timeout=3000 keepalives_idle=1"
            " keepalives_interval=1 keepalives_count=3'\n"
         << "data_directory='" << data_.string() << "'\n"
         << "pg_bindir='" << binary_directory() << "'\nrepmgr_bindir='" << binary_directory()
         << "'\n"
         << "failover=automatic\n"
         << "promote_command='" << repmgr << " standby promote'\n"
         << "follow_command='" << repmgr
         << " standby follow --upstream-node-id=%n'\n"
         // As fast as repmgrd can: it looks every second, and what others have seen in the last
         // two ends an election for good, so that it must not begin before.
         << "monitor_interval_secs=1\nreconnect_interval=1\nreconnect_attempts="
         << (consensus ? 5 : 2)
         << "\nprimary_visibility_consensus=" << (consensus ? "true" : "false") << "\n"
         << "primary_notification_timeout=5\nelection_rerun_interval=3\n"
         << "standby_reconnect_timeout=30\nnode_rejoin_timeout=30\nshutdown_check_timeout=30\n"
         << "service_start_command='" << pg_ctl << " -l " << (directory_ / "postgres.log").string()
         << " -w -t 60 start'\n"
         << "service_stop_command='" << pg_ctl << " -m fast -w -t 60 stop'\n"
         << "service_restart_command='" << pg_ctl << " -l "
         << (directory_ / "postgres.log").string() << " -m fast -w -t 60 restart'\n"
         << "service_reload_command='" << pg_ctl << " reload'\n"
         << "ssh_options='-q -F none -i " << key
         << " -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o ConnectTimeout=5'\n"
         << "log_level=INFO\n";
    write_file(file, text.str());
}

void repmgr_server::write_sshd_configuration() const {
    const auto shared = directory_.parent_path();
    std::ostringstream text;
    text << "ListenAddress " << address_ << ":22\nHostKey " << (shared / "host_key").string()
         << "\nAuthorizedKeysFile " << (shared / "ssh_key.pub").string()
         << "\nPidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n";
    write_file(directory_ / "sshd_config", text.str());
}

spawn_options repmgr_server::as_postgres() const {
    spawn_options options;
    options.as_postgres = true;
    options.network_namespace = host_.file();
    options.environment = {{"HOME", directory_.string()}, {"LC_ALL", "C"}};
    return options;
}

void repmgr_server::must_run(const std::vector<std::string>& arguments) const {
    const auto result = run_command(arguments, as_postgres());
    if (result.exit_code == 0) return;
    std::string text;
    for (const auto& argument : arguments)
        text += argument + " ";
    throw std::runtime_error(name_ + ": " + text + "failed: " + result.output);
}

std::string repmgr_server::repmgr_program() {
    return binary("repmgr");
}

command_result repmgr_server::repmgr(std::vector<std::string> arguments) const {
    const std::vector<std::string> always{binary("repmgr"), "-f",
                                          (directory_ / "repmgr.conf").string()};
    arguments.insert(arguments.begin(), always.begin(), always.end());
    return run_command(arguments, as_postgres(), 180s);
}

void repmgr_server::make_primary() {
    must_run({binary("initdb"), "-D", data_, "-U", accounts::superuser.name, "-A", "trust", "-E",
              "UTF8", "--locale", "C.UTF-8", "--no-sync", "--no-instructions"});
    auto text = read_file(data_ / "postgresql.conf") + "\n" + common_settings;
    for (const auto& [setting, value] : settings_)
        text += setting + " = '" + value + "'\n";
    write_file(data_ / "postgresql.conf", text, 0600);
    write_file(data_ / "pg_hba.conf", hba(), 0600);
    start();
    auto session = connect("postgres");
    session.must("create role repmgr login superuser replication");
    session.must("create database repmgr owner repmgr");
    session.must(create_role_sql(accounts::app));
    session.must(create_role_sql(accounts::other));
    session.must(create_role_sql(accounts::trusted));
    session.must(create_role_sql(accounts::monitor, "replication in role pg_monitor"));
    session.must("create database app owner app");
    const auto said = repmgr({"primary", "register"});
    if (said.exit_code != 0) throw std::runtime_error("repmgr primary register: " + said.output);
}

void repmgr_server::clone_from(const repmgr_server& primary) {
    auto said = repmgr({"-h", primary.address(), "-U", "repmgr", "-d", "repmgr", "standby", "clone",
                        "--fast-checkpoint"});
    if (said.exit_code != 0) throw std::runtime_error("repmgr standby clone: " + said.output);
    start();
    said = repmgr({"standby", "register"});
    if (said.exit_code != 0) throw std::runtime_error("repmgr standby register: " + said.output);
}

void repmgr_server::start_sshd() {
    // sshd runs as postgres too, so it may let in nobody else.
    host_.must({"sh", "-c", "echo 0 > /proc/sys/net/ipv4/ip_unprivileged_port_start"});
    auto options = as_postgres();
    options.log_file = directory_ / "sshd.log";
    sshd_ = child_process{
        {"/usr/sbin/sshd", "-D", "-e", "-f", (directory_ / "sshd_config").string()}, options};
}

void repmgr_server::add_setting(const std::string& setting, const std::string& value) const {
    const auto file = data_ / "postgresql.conf";
    write_file(file, read_file(file) + setting + " = '" + value + "'\n", 0600);
    must("select pg_reload_conf()", "postgres");
}

void repmgr_server::wait_until_reaped() const {
    const auto pid = std::atoi(read_file(data_ / "postmaster.pid").c_str());
    const auto reaped = [&] { return pid <= 0 || postmaster() > 0 || ::kill(pid, 0) != 0; };
    if (!wait_until(reaped, 60s))
        throw std::runtime_error(name_ + ": nobody reaps the dead server");
}

void repmgr_server::start() {
    wait_until_reaped();
    must_run({binary("pg_ctl"), "-D", data_, "-l", directory_ / "postgres.log", "-w", "-t", "60",
              "-s", "start"});
}

void repmgr_server::stop() {
    must_run({binary("pg_ctl"), "-D", data_, "-m", "fast", "-w", "-t", "60", "-s", "stop"});
}

void repmgr_server::restart() {
    stop();
    start();
}

pid_t repmgr_server::postmaster() const {
    const auto pid = std::atoi(read_file(data_ / "postmaster.pid").c_str());
    if (pid <= 0) return 0;
    // A dead server's file stays behind, and its number may have been given away.
    const auto command = read_file("/proc/" + std::to_string(pid) + "/cmdline");
    return command.find(data_.string()) == std::string::npos ? 0 : pid;
}

std::chrono::steady_clock::time_point repmgr_server::kill() {
    const auto pid = postmaster();
    if (pid <= 0) return std::chrono::steady_clock::now();
    ::kill(pid, SIGSTOP); // or it has more children by the time they are known
    const auto children = children_of(pid);
    const auto sent = std::chrono::steady_clock::now();
    std::vector<pid_t> victims{pid};
    victims.insert(victims.end(), children.begin(), children.end());
    for (const pid_t victim : victims)
        ::kill(victim, SIGKILL);
    const bool gone = wait_until([&] {
        for (const pid_t victim : victims)
            if (!is_gone(victim)) return false;
        return true;
    });
    if (!gone) throw std::runtime_error(name_ + ": killed, and still there");
    return sent;
}

void repmgr_server::freeze() {
    host_.signal_all(SIGSTOP);
}

void repmgr_server::thaw() {
    host_.signal_all(SIGCONT);
}

void repmgr_server::start_repmgrd() {
    auto options = as_postgres();
    options.log_file = directory_ / "repmgr.log";
    repmgrd_log_begin_ = repmgr_log().size();
    repmgrd_ = child_process{{binary("repmgrd"), "-f", (directory_ / "repmgr.conf").string(),
                              "--daemonize=false", "--no-pid-file"},
                             options};
}

void repmgr_server::wait_for_repmgrd() const {
    const bool watches = wait_until(
        [&] {
            const auto text = repmgr_log().substr(repmgrd_log_begin_);
            return text.find(" monitoring cluster primary") != std::string::npos ||
                   text.find(" monitoring connection to upstream") != std::string::npos;
        },
        30s, 20ms);
    if (!watches) throw std::runtime_error(name_ + ": repmgrd does not watch: " + repmgr_log());
}

bool repmgr_server::watches(int number) {
    if (!repmgrd_.running()) return true;
    pg_connection session{conninfo_for(accounts::superuser, "repmgr")};
    if (!session.connected()) return false;
    const auto result = session.exec("select repmgr.repmgrd_is_running() and "
                                     "repmgr.get_upstream_node_id() = " +
                                     std::to_string(number) +
                                     " and repmgr.get_upstream_last_seen() between 0 and 3");
    return result.ok() && result.value() == "t";
}

void repmgr_server::watch_anew(int number) {
    const auto said =
        repmgr({"standby", "register", "--force", "--upstream-node-id=" + std::to_string(number)});
    if (said.exit_code != 0) throw std::runtime_error("repmgr standby register: " + said.output);
    stop_repmgrd();
    start_repmgrd();
    wait_for_repmgrd();
}

void repmgr_server::stop_repmgrd() {
    repmgrd_.kill();
}

std::string repmgr_server::conninfo_for(const account& who, const std::string& database) const {
    return conninfo(port, who, database,
                    "host=" + address_ + " connect_timeout=2 application_name=test-helper");
}

pg_connection repmgr_server::connect(const std::string& database) const {
    pg_connection connection{conninfo_for(accounts::superuser, database)};
    if (!connection.connected()) throw std::runtime_error(name_ + ": " + connection.error());
    return connection;
}

std::string repmgr_server::value(const std::string& sql, const std::string& database) const {
    auto session = connect(database);
    return session.value(sql);
}

void repmgr_server::must(const std::string& sql, const std::string& database) const {
    auto session = connect(database);
    session.must(sql);
}

std::optional<std::string> repmgr_server::try_value(const std::string& sql,
                                                    std::chrono::milliseconds limit) const {
    pg_connection session{conninfo_for(accounts::superuser, "postgres")};
    if (!session.connected()) return std::nullopt;
    session.send(sql);
    if (!session.answered_within(limit)) return std::nullopt;
    const auto result = session.next_result();
    if (!result || result->status() != PGRES_TUPLES_OK || result->rows() == 0) return std::nullopt;
    return result->value();
}

void repmgr_server::pause_replay() const {
    must("select pg_wal_replay_pause()", "postgres");
    const bool paused = wait_until(
        [this] { return value("select pg_get_wal_replay_pause_state()", "postgres") == "paused"; });
    if (!paused) throw std::runtime_error(name_ + ": replay did not pause");
}

void repmgr_server::resume_replay() const {
    must("select pg_wal_replay_resume()", "postgres");
}

} // namespace pgweir::test
