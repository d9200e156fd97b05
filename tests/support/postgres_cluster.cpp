#include "tests/support/postgres_cluster.hpp"

#include "tests/support/certificates.hpp"
#include "tests/support/wait.hpp"

#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace pgweir::test {

namespace {

std::string binary(const std::string& name) {
    const char* directory = std::getenv("PGWEIR_TEST_PG_BIN");
    return std::string{directory != nullptr ? directory : "/usr/lib/postgresql/15/bin"} + "/" +
           name;
}

void run_as_postgres(const std::vector<std::string>& arguments) {
    spawn_options options;
    options.as_postgres = true;
    const auto result = run_command(arguments, options);
    if (result.exit_code != 0) throw std::runtime_error(arguments[0] + " failed: " + result.output);
}

std::string quoted(const std::string& text, char quote) {
    std::string result{quote};
    for (const char letter : text) {
        if (letter == quote || letter == '\\') result += '\\';
        result += letter;
    }
    return result + quote;
}

constexpr const char* hba = "local all all trust\n"
                            "host all app_trust 127.0.0.1/32 trust\n"
                            "host all app_plain 127.0.0.1/32 password\n"
                            "host all app_md5 127.0.0.1/32 md5\n"
                            "host all all 127.0.0.1/32 scram-sha-256\n"
                            "host replication all 127.0.0.1/32 scram-sha-256\n";

constexpr const char* settings = "listen_addresses = '127.0.0.1'\n"
                                 "unix_socket_directories = ''\n"
                                 "fsync = off\n"
                                 "shared_buffers = 16MB\n"
                                 "max_connections = 120\n"
                                 "max_prepared_transactions = 10\n"
                                 "wal_level = replica\n"
                                 "max_wal_senders = 12\n"
                                 "wal_keep_size = 256MB\n"
                                 "min_wal_size = 32MB\n"
                                 "autovacuum = off\n"
                                 "hot_standby = on\n"
                                 "wal_retrieve_retry_interval = 200ms\n"
                                 "wal_receiver_status_interval = 1s\n"
                                 "log_line_prefix = '%m %p %a '\n"
                                 "timezone = 'UTC'\n";

/// What a lookup role needs for an auth query: a function that shows one verifier.
constexpr const char* lookup_function =
    "create schema weir; grant usage on schema weir to weir_lookup;"
    "create function weir.lookup(wanted text) returns table (name text, verifier text)"
    " language sql security definer set search_path = pg_catalog as $$"
    " select rolname::text, rolpassword from pg_authid where rolname = wanted and rolcanlogin"
    " and (rolvaliduntil is null or rolvaliduntil > now()) $$;"
    "revoke all on function weir.lookup(text) from public;"
    "grant execute on function weir.lookup(text) to weir_lookup;";

void create_contents(const postgres_node& node) {
    auto session = node.connect("postgres");
    session.must(create_role_sql(accounts::app));
    session.must(create_role_sql(accounts::other));
    session.must("set password_encryption = md5");
    session.must(create_role_sql(accounts::md5_user));
    session.must("reset password_encryption");
    session.must(create_role_sql(accounts::plain_user));
    session.must(create_role_sql(accounts::trusted));
    session.must(create_role_sql(accounts::expired, "valid until '2001-01-01'"));
    session.must(create_role_sql(accounts::monitor, "replication in role pg_monitor"));
    session.must(create_role_sql(accounts::lookup));
    session.must("create database app owner app");
    session.must(lookup_function);
    auto app = node.connect("app");
    app.must(lookup_function);
    app.must("grant create on schema public to public");
}

/// A stopped data directory with the roles and databases that all clusters have.
const std::filesystem::path& template_directory() {
    static const temp_directory directory{"template"};
    static const std::filesystem::path data = [] {
        auto path = directory.path() / "data";
        const auto password_file = directory.path() / "password";
        write_file(password_file, accounts::superuser.password, 0600);
        run_as_postgres({binary("initdb"), "-D", path, "-U", accounts::superuser.name, "--pwfile",
                         password_file, "-A", "scram-sha-256", "-E", "UTF8", "--locale", "C.UTF-8",
                         "--no-sync", "--no-instructions"});
        write_file(path / "pg_hba.conf", hba, 0600);
        const auto own = read_file(path / "postgresql.conf");
        write_file(path / "postgresql.conf", own + "\n" + settings, 0600);
        postgres_node node{path, free_port()};
        node.start();
        create_contents(node);
        node.stop();
        return path;
    }();
    return data;
}

std::string primary_conninfo(const postgres_node& primary, std::size_t number) {
    return primary.direct(accounts::monitor, "") + " application_name=standby" +
           std::to_string(number);
}

} // namespace

std::string
conninfo(int port, const account& who, const std::string& database, const std::string& extra) {
    std::string text = "host=127.0.0.1 port=" + std::to_string(port) +
                       " user=" + quoted(who.name, '\'') + " connect_timeout=20";
    if (!who.password.empty()) text += " password=" + quoted(who.password, '\'');
    if (!database.empty()) text += " dbname=" + quoted(database, '\'');
    if (extra.find("sslmode") == std::string::npos) text += " sslmode=disable gssencmode=disable";
    return extra.empty() ? text : text + " " + extra;
}

std::string create_role_sql(const account& who, const std::string& attributes) {
    std::string password;
    for (const char letter : who.password) {
        if (letter == '\'') password += '\'';
        password += letter;
    }
    std::string sql = "create role " + who.name + " login " + attributes;
    if (!password.empty()) sql += " password '" + password + "'";
    return sql + ";";
}

postgres_node::postgres_node(std::filesystem::path data_directory, int port, std::string host)
    : data_{std::move(data_directory)}, port_{port}, host_{std::move(host)} {}

std::string postgres_node::direct(const account& who, const std::string& database) const {
    return conninfo(port_, who, database) + " host=" + host_; // the later one counts
}

postgres_node::~postgres_node() {
    if (!process_.running()) return;
    signal_all(SIGCONT);
    process_.send_signal(SIGQUIT);
    if (!process_.wait_for_exit(5s)) kill();
}

std::string postgres_node::log() const {
    return read_file(data_.string() + ".log");
}

void postgres_node::launch() {
    spawn_options options;
    options.as_postgres = true;
    options.log_file = data_.string() + ".log";
    options.death_signal = SIGQUIT;
    process_ = child_process{
        {binary("postgres"), "-D", data_, "-p", std::to_string(port_), "-h", host_}, options};
}

void postgres_node::start() {
    launch();
    const auto target = direct(accounts::superuser, "postgres");
    const bool answers = wait_until(
        [&] { return !process_.running() || PQping(target.c_str()) == PQPING_OK; }, 60s, 20ms);
    if (!answers || !process_.running())
        throw std::runtime_error("PostgreSQL did not start: " + log());
}

void postgres_node::stop() {
    process_.send_signal(SIGINT);
    if (!process_.wait_for_exit(30s)) throw std::runtime_error("PostgreSQL did not stop");
}

void postgres_node::stop_immediately() {
    process_.send_signal(SIGQUIT);
    if (!process_.wait_for_exit(30s)) throw std::runtime_error("PostgreSQL did not stop");
}

void postgres_node::signal_all(int number) const {
    const auto children = children_of(process_.pid());
    process_.send_signal(number);
    for (const pid_t child : children)
        ::kill(child, number);
}

void postgres_node::kill() {
    signal_all(SIGKILL);
    process_.kill();
}

void postgres_node::restart() {
    stop();
    start();
}

void postgres_node::suspend() {
    signal_all(SIGSTOP);
}

void postgres_node::resume() {
    signal_all(SIGCONT);
}

void postgres_node::promote() {
    must("select pg_promote(true, 60)", "postgres");
}

void postgres_node::pause_replay() {
    must("select pg_wal_replay_pause()", "postgres");
    const bool paused = wait_until(
        [this] { return value("select pg_get_wal_replay_pause_state()", "postgres") == "paused"; });
    if (!paused) throw std::runtime_error("replay did not pause");
}

void postgres_node::resume_replay() {
    must("select pg_wal_replay_resume()", "postgres");
}

void postgres_node::set(const std::string& name, const std::string& value) {
    must("alter system " + (value.empty() ? "reset " + name : "set " + name + " = '" + value + "'"),
         "postgres");
    must("select pg_reload_conf()", "postgres");
}

pg_connection postgres_node::connect(const std::string& database) const {
    pg_connection connection{direct(accounts::superuser, database) +
                             " application_name=test-helper"};
    if (!connection.connected()) throw std::runtime_error("helper: " + connection.error());
    return connection;
}

std::string postgres_node::value(const std::string& sql, const std::string& database) const {
    auto session = connect(database);
    return session.value(sql);
}

void postgres_node::must(const std::string& sql, const std::string& database) const {
    auto session = connect(database);
    session.must(sql);
}

int postgres_node::count_backends(const std::string& where) const {
    return std::stoi(value("select count(*) from pg_stat_activity where backend_type = 'client "
                           "backend' and application_name <> 'test-helper' and (" +
                           where + ")"));
}

postgres_cluster::postgres_cluster(const cluster_options& options) : directory_{"cluster"} {
    const auto& source = template_directory();
    if (options.tls) make_certificates(directory_.path());
    for (int index = 0; index <= options.standbys; ++index) {
        const auto data = directory_.path() / ("node" + std::to_string(index));
        run_as_postgres({"cp", "-a", "--reflink=auto", source, data});
        const int number = options.own_addresses ? index + 2 : 1;
        auto node = std::make_unique<postgres_node>(
            data, index == 0 || !options.own_addresses ? free_port() : primary().port(),
            "127.0.0." + std::to_string(number));
        std::string own;
        for (const auto& [name, value] : options.settings)
            own += name + " = '" + value + "'\n";
        if (options.tls) {
            own += "ssl = on\nssl_cert_file = '" + (directory_.path() / "server.crt").string() +
                   "'\nssl_key_file = '" + (directory_.path() / "server.key").string() + "'\n";
        }
        if (index > 0) {
            own += "cluster_name = 'standby" + std::to_string(index) + "'\n";
            std::string source_line;
            for (const char letter :
                 primary_conninfo(*nodes_.front(), static_cast<std::size_t>(index)))
                source_line += letter == '\'' ? std::string{"''"} : std::string{letter};
            own += "primary_conninfo = '" + source_line + "'\n";
            write_file(data / "standby.signal", "", 0600);
        }
        write_file(data / "postgresql.conf", read_file(data / "postgresql.conf") + own, 0600);
        nodes_.push_back(std::move(node));
        if (index == 0)
            primary().start();
        else
            nodes_.back()->launch();
    }
    for (std::size_t index = 0; index < standbys(); ++index) {
        const auto target = standby(index).direct(accounts::superuser, "postgres");
        if (!wait_until([&] { return PQping(target.c_str()) == PQPING_OK; }, 60s, 20ms))
            throw std::runtime_error("standby did not start: " + standby(index).log());
    }
    if (!wait_caught_up()) throw std::runtime_error("standbys did not catch up");
}

std::string postgres_cluster::addresses() const {
    std::string text;
    for (const auto& node : nodes_)
        text += (text.empty() ? "" : ",") + node->address();
    return text;
}

bool postgres_cluster::wait_caught_up() {
    const auto target = primary().value("select pg_current_wal_flush_lsn()", "postgres");
    for (std::size_t index = 0; index < standbys(); ++index) {
        auto session = standby(index).connect("postgres");
        const auto reached = [&] {
            return session.value("select coalesce(pg_last_wal_replay_lsn() >= '" + target +
                                 "', false)") == "t";
        };
        if (!wait_until(reached, 30s)) return false;
    }
    const auto streaming = std::to_string(standbys());
    auto session = primary().connect("postgres");
    return wait_until([&] {
        return session.value("select count(*) from pg_stat_replication where state = "
                             "'streaming'") == streaming;
    });
}

std::filesystem::path postgres_cluster::ca_file() const {
    return directory_.path() / "ca.crt";
}

namespace {

std::unique_ptr<postgres_cluster>& shared_instance() {
    static std::unique_ptr<postgres_cluster> instance;
    return instance;
}

} // namespace

postgres_cluster& shared_cluster() {
    auto& instance = shared_instance();
    if (!instance) instance = std::make_unique<postgres_cluster>();
    return *instance;
}

void drop_shared_cluster() {
    shared_instance().reset();
}

} // namespace pgweir::test
