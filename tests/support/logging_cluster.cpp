#include "tests/support/logging_cluster.hpp"

namespace pgweir::test {

std::unique_ptr<postgres_cluster> routed_test::cluster_;
std::unique_ptr<pgweir_process> routed_test::proxy_;

void routed_test::start(const settings_map& settings) {
    if (is_direct()) return;
    cluster_options options;
    options.settings["log_statement"] = "all";
    cluster_ = std::make_unique<postgres_cluster>(options);
    pgweir_options with;
    with.settings = settings;
    proxy_ = std::make_unique<pgweir_process>(cluster_->addresses(), with);
    // Until the catalog of a database is read, its reads go to the primary.
    auto session = connect();
    EXPECT_TRUE(wait_until([&] { return route_of(session, "select 'MARKER'") == "standby"; }))
        << "no read ever ran on a standby; pgweir's log:\n"
        << proxy_->log();
}

void routed_test::TearDownTestSuite() {
    proxy_.reset();
    cluster_.reset();
}

void routed_test::SetUp() {
    PGWEIR_ONLY();
}

void routed_test::TearDown() {
    if (!proxy_) return;
    EXPECT_TRUE(proxy_->running()) << "pgweir has died:\n" << proxy_->log();
    proxy_->expect_clean_log();
}

void routed_test::make_table(const std::string& name, const std::string& columns) {
    auto session = cluster().primary().connect("app");
    session.must("drop table if exists " + name + " cascade");
    session.must("create table " + name + " (" + columns + ")");
    session.must("alter table " + name + " owner to app");
    EXPECT_TRUE(cluster().wait_caught_up());
    reread_catalog();
    auto client = connect();
    EXPECT_TRUE(wait_until([&] {
        return route_of(client, "select 'MARKER' from " + name) == "standby";
    })) << "reads of "
        << name << " never ran on a standby";
}

void routed_test::reread_catalog() {
    pg_connection session{conninfo(proxy().port(), accounts::superuser)};
    session.must("comment on schema public is 'DDL that pgweir sees'");
    EXPECT_TRUE(cluster().wait_caught_up());
}

std::string routed_test::new_marker() {
    static int counter = 0;
    return "marker-" + std::to_string(++counter) + "-end";
}

std::string routed_test::where_ran(const std::string& marker) {
    std::string places;
    if (cluster().primary().log().find(marker) != std::string::npos) places = "primary";
    for (std::size_t index = 0; index < cluster().standbys(); ++index) {
        if (cluster().standby(index).log().find(marker) == std::string::npos) continue;
        if (places.find("standby") == std::string::npos)
            places += places.empty() ? "standby" : " standby";
    }
    return places.empty() ? "nowhere" : places;
}

namespace {

std::string with_marker(std::string sql, const std::string& marker) {
    const auto at = sql.find("MARKER");
    if (at != std::string::npos)
        sql.replace(at, 6, marker);
    else
        sql += " /* " + marker + " */";
    return sql;
}

} // namespace

std::string routed_test::route_of(pg_connection& session, std::string sql) {
    const auto marker = new_marker();
    for (const auto& result : session.exec_all(with_marker(std::move(sql), marker)))
        if (!result.ok()) return result.sqlstate();
    return where_ran(marker);
}

std::string routed_test::route_of_extended(pg_connection& session, std::string sql) {
    const auto marker = new_marker();
    const auto result = session.exec_params(with_marker(std::move(sql), marker));
    return result.ok() ? where_ran(marker) : result.sqlstate();
}

} // namespace pgweir::test
