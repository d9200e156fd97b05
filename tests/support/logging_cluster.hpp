// A cluster whose servers log every statement, and a pgweir in front of it: tests ask the servers'
// logs where a statement really ran.
#pragma once

#include "tests/support/proxied_test.hpp"

#include <memory>
#include <string>

namespace pgweir::test {

/// Base of suites about routing; one cluster and one pgweir for each suite.
class routed_test : public ::testing::Test {
protected:
    /// Derived suites hide this to use other settings.
    static void SetUpTestSuite() { start({}); }
    static void TearDownTestSuite();
    void SetUp() override;
    void TearDown() override;

    static void start(const settings_map& settings);
    static postgres_cluster& cluster() { return *cluster_; }
    static pgweir_process& proxy() { return *proxy_; }
    static pg_connection connect(const account& who = accounts::app,
                                 const std::string& database = "app",
                                 const std::string& extra = "") {
        return pg_connection{conninfo(proxy_->port(), who, database, extra)};
    }
    static void make_table(const std::string& name, const std::string& columns);

    /// "primary", "standby", "primary standby" or "nowhere": the servers whose logs hold `marker`.
    static std::string where_ran(const std::string& marker);
    /// A marker that occurs in no log yet; put it into a statement's text.
    /// DDL made behind pgweir's back is known to it when the catalog is read the next time: now,
    /// instead of a minute later.
    static void reread_catalog();
    static std::string new_marker();
    /// Runs `sql` with "MARKER" in it replaced by a new marker; where it ran, or its error.
    static std::string route_of(pg_connection& session, std::string sql);
    static std::string route_of_extended(pg_connection& session, std::string sql);

private:
    static std::unique_ptr<postgres_cluster> cluster_;
    static std::unique_ptr<pgweir_process> proxy_;
};

} // namespace pgweir::test
