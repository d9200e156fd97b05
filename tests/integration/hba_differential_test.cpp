// The same rules for PostgreSQL and for pgweir: files made at random, the same logins with both,
// and every answer must be the same; lines that one of them does not take, the other one must not
// take.
#include "tests/integration/hba_lines.hpp"
#include "tests/support/proxied_test.hpp"
#include "tests/support/tcp_gate.hpp"

#include <poll.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <set>
#include <sstream>

namespace pgweir::test {
namespace {

unsigned number_from(const char* variable, unsigned otherwise) {
    const auto* const given = std::getenv(variable);
    return given == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
}

std::string quoted(const std::string& text, char quote, char escape) {
    std::string result{quote};
    for (const char letter : text) {
        if (letter == quote || letter == escape) result += escape;
        result += letter;
    }
    return result + quote;
}

/// One login, wherever it goes.
struct login_try {
    enum class way : std::uint8_t { unix, v4, other_v4, v6 };
    way by = way::v4;
    std::string user;
    std::string password;
    std::string database;
    std::string replication; // empty: none
    bool tls = false;

    [[nodiscard]] std::string text() const {
        static const std::vector<std::string> ways{"socket", "127.0.0.1", "127.0.0.2", "::1"};
        return user + "@" + database + " by " + ways[static_cast<std::size_t>(by)] +
               (tls ? " with TLS" : "") + (replication.empty() ? "" : " replication=") +
               replication + " password=" + password;
    }
};

/// Where a server or a pgweir can be reached.
struct target {
    int port = 0;
    std::string socket_directory;
    std::unique_ptr<tcp_gate> gate; // comes from 127.0.0.2

    target(int at, std::string sockets)
        : port{at}, socket_directory{std::move(sockets)}, gate{std::make_unique<tcp_gate>(at)} {
        gate->come_from("127.0.0.2");
    }
    [[nodiscard]] std::string conninfo(const login_try& login) const {
        using way = login_try::way;
        const auto host = login.by == way::unix ? socket_directory
                          : login.by == way::v6 ? "::1"
                                                : "127.0.0.1";
        const auto at = login.by == way::other_v4 ? gate->port() : port;
        const auto value = [](const std::string& text) { return quoted(text, '\'', '\\'); };
        return "host=" + value(host) + " port=" + std::to_string(at) +
               " user=" + value(login.user) + " dbname=" + value(login.database) +
               " password=" + value(login.password) +
               " gssencmode=disable sslmode=" + (login.tls ? "require" : "disable") +
               " sslcert=/nowhere sslkey=/nowhere" +
               (login.replication.empty() ? "" : " replication=" + login.replication);
    }
};

/// "in", or the error with its severity and SQLSTATE.
std::string outcome(const std::string& conninfo) {
    using connection = std::unique_ptr<PGconn, void (*)(PGconn*)>;
    const connection one{PQconnectStart(conninfo.c_str()), &PQfinish};
    PQsetErrorVerbosity(one.get(), PQERRORS_VERBOSE);
    auto wants = PGRES_POLLING_WRITING;
    while (wants != PGRES_POLLING_OK && wants != PGRES_POLLING_FAILED) {
        const short events = wants == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        pollfd ready{PQsocket(one.get()), events, 0};
        if (::poll(&ready, 1, 20'000) != 1) return "no answer";
        wants = PQconnectPoll(one.get());
    }
    if (wants == PGRES_POLLING_OK) return "in";
    std::string said = PQerrorMessage(one.get());
    // Before it stands where it came from.
    if (const auto prefix = said.find(" failed: "); prefix != std::string::npos)
        said = said.substr(prefix + 9);
    said = said.substr(0, said.find("\nLOCATION:"));
    while (said.ends_with('\n'))
        said.pop_back();
    return said;
}

class hba_differential : public ::testing::Test {
protected:
    void SetUp() override {
        PGWEIR_ONLY();
        if (!behind_) make();
    }
    static void TearDownTestSuite() {
        proxy_.reset();
        oracle_.reset();
        judge_.reset();
        behind_.reset();
        directory_.reset();
    }

    static std::string file(const std::string& name) {
        return (directory_->path() / name).string();
    }
    static void write(const std::string& name, const std::string& text) {
        write_file(file(name), text);
    }
    static bool is_modern() {
        static const bool known =
            std::stoi(oracle_->value("show server_version_num", "postgres")) >= 160000;
        return known;
    }
    static inline const std::vector<account> people{accounts::app,
                                                    accounts::other,
                                                    accounts::monitor,
                                                    accounts::trusted,
                                                    {"Odd User", "odd secret"},
                                                    {"all", "secret of all"},
                                                    {"team", "of the team"}};
    static inline const std::vector<std::string> databases{
        "app", "postgres", "team", "Odd Db", "odd Db", "replication", "all", "inner_team", "nodb"};

    static void make() {
        directory_ = std::make_unique<temp_directory>("hba");
        write("hba", own_rule);
        write("ident", "");
        write("dbs", "app # ours\n\"team\", postgres\n");
        write("users", "other\n+team\n");
        write("more.conf", "host \"Odd Db\" all all reject\n");
        cluster_options options;
        options.standbys = 0;
        behind_ = std::make_unique<postgres_cluster>(options);
        write_file(behind_->primary().data_directory() / "pg_hba.conf",
                   "local all all trust\nhost all,replication all all trust\n", 0600);
        options.tls = true;
        options.settings = {{"hba_file", file("hba")},
                            {"ident_file", file("ident")},
                            {"unix_socket_directories", directory_->path().string()}};
        judge_ = std::make_unique<postgres_cluster>(options);
        judge_->primary().stop();
        oracle_ = std::make_unique<postgres_node>(judge_->primary().data_directory(),
                                                  judge_->primary().port(), "127.0.0.1,::1");
        oracle_->start();
        for (auto* const one : {&behind_->primary(), oracle_.get()})
            make_contents(*one);
        make_proxy();
    }
    static void make_contents(const postgres_node& node) {
        auto session = node.connect("postgres");
        session.must("select pg_reload_conf()");
        session.must("create role \"Odd User\" login password 'odd secret'");
        session.must("create role \"all\" login password 'secret of all'");
        session.must("create role team login password 'of the team'");
        session.must("create role inner_team in role team; grant inner_team to app, \"all\"");
        for (const auto& name : databases)
            if (name != "app" && name != "postgres" && name != "nodb")
                session.must("create database " + quoted(name, '"', '"'));
    }
    static void make_proxy() {
        std::string users;
        for (const auto& who : people)
            users += quoted(who.name, '"', '"') + " " + quoted(who.password, '"', '"') + "\n";
        write_file(file("userlist"), users, 0600);
        const auto certificates = judge_->ca_file().parent_path();
        pgweir_options options;
        options.write_users_file = false;
        options.settings = {{"listen_address", R"(["127.0.0.1", "::1"])"},
                            {"users_file", file("userlist")},
                            {"hba_file", file("hba")},
                            {"auth_user", accounts::lookup.name},
                            {"auth_password", accounts::lookup.password},
                            {"auth_query", "select * from weir.lookup($1)"},
                            {"max_login_failures_per_address", "0"},
                            {"client_tls_sslmode", "prefer"},
                            {"client_tls_cert_file", (certificates / "server.crt").string()},
                            {"client_tls_key_file", (certificates / "server.key").string()}};
        proxy_ = std::make_unique<pgweir_process>(behind_->addresses(), options);
    }

    /// Both have read it anew, if they can.
    static void load(pg_connection& superuser) {
        const auto reloads = [] {
            return proxy_->metric("pgweir_reloads_total") +
                   proxy_->metric("pgweir_reload_failures_total");
        };
        const auto before = reloads();
        proxy_->send_signal(SIGHUP);
        const auto loaded = superuser.value("select pg_conf_load_time()");
        superuser.must("select pg_reload_conf()");
        ASSERT_TRUE(
            wait_until([&] { return superuser.value("select pg_conf_load_time()") != loaded; }));
        ASSERT_TRUE(wait_until([&] { return reloads() != before; }));
    }
    /// What pgweir says about its settings, with these beside them.
    static std::string check(const settings_map& more) {
        const auto certificates = judge_->ca_file().parent_path();
        settings_map all{{"client_tls_sslmode", "prefer"},
                         {"client_tls_cert_file", (certificates / "server.crt").string()},
                         {"client_tls_key_file", (certificates / "server.key").string()},
                         {"client_tls_ca_file", (certificates / "ca.crt").string()},
                         {"auth_user", accounts::lookup.name}};
        all.insert(more.begin(), more.end());
        std::string text = "nodes = [\"127.0.0.1:1\"]\n";
        for (const auto& [name, value] : all)
            text += name + " = " + quoted(value, '"', '\\') + "\n";
        return run_pgweir(text, {"--check"}).output;
    }
    static login_try any_login(hba_lines& dice) {
        using way = login_try::way;
        static const std::vector<way> ways{way::unix, way::v4, way::v4, way::other_v4, way::v6};
        login_try made;
        made.by = dice.one_of(ways);
        const auto& who = dice.one_of(people);
        made.user = dice.chance(12) ? "nobody_here" : who.name;
        made.password = dice.chance(4) ? "wrong" : who.password;
        made.database = dice.chance(2) ? "app" : dice.one_of(databases);
        if (dice.chance(8)) made.replication = dice.chance(2) ? "database" : "true";
        made.tls = made.by != way::unix && dice.chance(3);
        return made;
    }

    /// So that the superuser, who reloads, is let in by every file.
    static inline const std::string own_rule = "host postgres postgres 127.0.0.1/32 trust\n";

    static inline std::unique_ptr<temp_directory> directory_;
    static inline std::unique_ptr<postgres_cluster> behind_; // pgweir, and lets everybody in
    static inline std::unique_ptr<postgres_cluster> judge_;
    static inline std::unique_ptr<postgres_node> oracle_; // of judge_, with the rules
    static inline std::unique_ptr<pgweir_process> proxy_;
};

/// Some files here; more by the environment variable PGWEIR_HBA_FILES, others by PGWEIR_SEED.
TEST_F(hba_differential, WhomPostgresqlLetsInPgweirLetsInAndTheOthersAreToldTheSame) {
    const auto files = number_from("PGWEIR_HBA_FILES", 12);
    const auto seed = number_from("PGWEIR_SEED", 1);
    const target server{oracle_->port(), directory_->path().string()};
    const target ours{proxy_->port(), proxy_->directory().string()};
    auto superuser = oracle_->connect("postgres");
    std::map<std::string, int> seen;
    int logins = 0;
    for (unsigned i = 0; i < files; ++i) {
        hba_lines dice{seed + i, is_modern()};
        const auto rules = own_rule + dice.good_file();
        write("hba", rules);
        ASSERT_EQ(superuser.value("select coalesce(string_agg(error, '; '), '') from "
                                  "pg_hba_file_rules"),
                  "")
            << rules;
        load(superuser);
        for (int j = 0; j < 12; ++j) {
            const auto login = any_login(dice);
            const auto expected = outcome(server.conninfo(login));
            EXPECT_EQ(outcome(ours.conninfo(login)), expected)
                << "seed " << seed + i << ": " << login.text() << "\n"
                << rules;
            ++logins;
            ++seen[expected.substr(0, expected.find('"'))];
        }
    }
    EXPECT_EQ(proxy_->metric("pgweir_reload_failures_total"), 0);
    std::printf("files=%u logins=%d\n", files, logins);
    for (const auto& [what, count] : seen)
        std::printf("  %s: %d\n", what.c_str(), count);
}

/// What each line of a file is told: the words of who reads it, by the line's number. Good lines
/// are not there.
using complaints = std::map<int, std::string>;

/// Some it refuses without a word in the view: then `column` says nothing either.
complaints
of_postgresql(pg_connection& superuser, const std::string& view, const std::string& column) {
    complaints all;
    const auto found = superuser.exec("select line_number, coalesce(error, 'refused') from " +
                                      view + " where error is not null or " + column + " is null");
    EXPECT_TRUE(found.ok()) << found.message();
    for (int row = 0; row < found.rows(); ++row)
        all[std::stoi(found.value(row, 0))] = found.value(row, 1);
    return all;
}

/// From "FILE:LINE: words".
complaints of_pgweir(const std::string& said, const std::string& file) {
    complaints all;
    std::istringstream lines{said};
    for (std::string line; std::getline(lines, line);)
        if (line.starts_with(file + ":"))
            all[std::atoi(line.c_str() + file.size() + 1)] =
                line.substr(line.find(' ', file.size()));
    return all;
}

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Where pgweir differs because it says so: methods that it does not provide, maps for certificates
/// beside a password, and values of options that PostgreSQL takes for 0 though they are none.
bool is_meant(const std::string& postgresql, const std::string& ours, bool modern) {
    if (has(ours, "is not provided by pgweir")) return true;
    if (has(ours, "ldaptls must be") || has(ours, "ldapport must be") ||
        has(ours, "pam_use_hostname must be") || has(ours, "the scheme of LDAP must be"))
        return true;
    if (!modern && has(ours, "the regular expression")) return true;
    // PostgreSQL asks the name service, or whatever server libldap knows.
    if (has(ours, "ldap needs ldapserver")) return true;
    // The bound is for all lines together.
    if (has(ours, "files in all")) return true;
    return ours.empty() && has(postgresql, "\"map\" is only valid for");
}

/// As many lines as PGWEIR_HBA_LINES says, others by PGWEIR_SEED.
TEST_F(hba_differential, LinesThatPostgresqlDoesNotTakePgweirDoesNotTakeEither) {
    hba_lines dice{number_from("PGWEIR_SEED", 1), is_modern()};
    const auto count = number_from("PGWEIR_HBA_LINES", 1000);
    std::vector<std::string> lines;
    std::string text;
    for (unsigned i = 0; i < count; ++i) {
        lines.push_back(dice.chance(2) ? dice.line() : dice.spoiled(dice.line()));
        text += lines.back() + "\n";
    }
    write("hba", text);
    auto superuser = oracle_->connect("postgres");
    auto expected = of_postgresql(superuser, "pg_hba_file_rules", "type");
    const auto said = check({{"hba_file", file("hba")}});
    auto found = of_pgweir(said, file("hba"));
    int refused = 0;
    for (unsigned i = 0; i < count; ++i) {
        const auto& theirs = expected[static_cast<int>(i) + 1];
        const auto& ours = found[static_cast<int>(i) + 1];
        if (!theirs.empty()) ++refused;
        EXPECT_TRUE(theirs.empty() == ours.empty() || is_meant(theirs, ours, is_modern()))
            << lines[i] << "\nPostgreSQL: " << theirs << "\npgweir:     " << ours;
    }
    std::printf("lines=%u refused=%d\n", count, refused);
}

TEST_F(hba_differential, LinesOfMapsToo) {
    hba_lines dice{number_from("PGWEIR_SEED", 1), is_modern()};
    const auto count = number_from("PGWEIR_HBA_LINES", 1000);
    std::vector<std::string> lines;
    std::vector<bool> spoiled;
    std::string text;
    for (unsigned i = 0; i < count; ++i) {
        spoiled.push_back(dice.chance(2));
        lines.push_back(spoiled.back() ? dice.spoiled(dice.ident_line()) : dice.ident_line());
        text += lines.back() + "\n";
    }
    write("hba", own_rule);
    write("ident", text);
    auto superuser = oracle_->connect("postgres");
    auto expected = of_postgresql(superuser, "pg_ident_file_mappings", "map_name");
    const auto said = check({{"hba_file", file("hba")}, {"ident_file", file("ident")}});
    auto found = of_pgweir(said, file("ident"));
    int refused = 0;
    for (unsigned i = 0; i < count; ++i) {
        const auto& theirs = expected[static_cast<int>(i) + 1];
        const auto& ours = found[static_cast<int>(i) + 1];
        if (!theirs.empty()) ++refused;
        // Before 16 there are no patterns for database users.
        const bool is_meant = (!is_modern() && spoiled[i] && has(ours, "the regular expression")) ||
                              has(ours, "files in all");
        EXPECT_TRUE(theirs.empty() == ours.empty() || is_meant)
            << lines[i] << "\nPostgreSQL: " << theirs << "\npgweir:     " << ours;
    }
    std::printf("lines=%u refused=%d\n", count, refused);
}

} // namespace
} // namespace pgweir::test
