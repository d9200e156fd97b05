// What tests talk to. By default pgweir in front of the shared cluster; with the environment
// variable PGWEIR_TEST_TARGET=direct the primary itself, so that a test of protocol behaviour can
// be shown to expect what PostgreSQL does.
#pragma once

#include "tests/support/pgweir_process.hpp"
#include "tests/support/postgres_cluster.hpp"
#include "tests/support/wait.hpp"
#include "tests/support/wire_client.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace pgweir::test {

/// True if tests talk to PostgreSQL itself.
bool is_direct();
/// The pgweir that all tests of a run share (pool_size 5, 2 workers, everything else default);
/// started on first use and again if a test has killed it.
pgweir_process& shared_pgweir();
void drop_shared_pgweir();
/// The port under test: the shared pgweir's, or the shared primary's.
int target_port();

/// Memory as the system sees it means nothing in a sanitized pgweir, which keeps what was freed.
#define PGWEIR_MEASURES_MEMORY()                                                                   \
    if (::pgweir::test::pgweir_process::is_sanitized())                                            \
    GTEST_SKIP() << "memory is not measured in a sanitized pgweir"

/// Skips the running test when there is no pgweir.
#define PGWEIR_ONLY()                                                                              \
    if (::pgweir::test::is_direct()) GTEST_SKIP() << "about pgweir alone"

class proxied_test : public ::testing::Test {
protected:
    void TearDown() override;

    static postgres_cluster& cluster() { return shared_cluster(); }
    static pg_connection connect(const account& who = accounts::app,
                                 const std::string& database = "app",
                                 const std::string& extra = "") {
        return pg_connection{conninfo(target_port(), who, database, extra)};
    }
    static wire_client wire(const account& who = accounts::app,
                            const wire::startup_parameters& more = {}) {
        return logged_in(target_port(), who, "app", more);
    }
    /// A fresh table of this name in database app, on all servers.
    static void make_table(const std::string& name, const std::string& columns);
};

/// What EXPLAIN ROUTE answers for a statement, all columns and rows joined by blanks.
std::string explained_route(pg_connection& session, const std::string& statement);

} // namespace pgweir::test
