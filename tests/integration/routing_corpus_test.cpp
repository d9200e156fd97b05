// The routing corpus on real servers: whatever the route, the client sees what one server would
// say.
#include "tests/support/logging_cluster.hpp"
#include "tests/unit/proxy/routing_corpus_lines.hpp"

#include <optional>
#include <string>

namespace pgweir::test {
namespace {

using pgweir::testing::corpus_file;
using pgweir::testing::corpus_line;
using pgweir::testing::read_corpus;

class routing_corpus : public routed_test {
protected:
    static void SetUpTestSuite() {
        start({});
        cluster().primary().must("create database corpus");
        cluster().primary().must(corpus_file(".sql"), "corpus");
        EXPECT_TRUE(cluster().wait_caught_up());
    }
    static pg_connection fresh() { return connect(accounts::superuser, "corpus"); }
};

/// Takes what COPY TO STDOUT sends, up to the command's end.
std::string sqlstate_of(pg_connection& session, const std::string& statement) {
    session.send(statement);
    std::string sqlstate;
    while (const auto result = session.next_result()) {
        if (!result->sqlstate().empty()) sqlstate = result->sqlstate();
        if (result->status() != PGRES_COPY_OUT) continue;
        char* row = nullptr;
        while (PQgetCopyData(session.handle(), &row, 0) > 0)
            PQfreemem(row);
    }
    return sqlstate;
}

TEST_F(routing_corpus, NoStatementMeetsAServerThatRefusesIt) {
    std::optional<pg_connection> session{fresh()};
    ASSERT_TRUE(session->connected()) << session->error();
    if (!is_direct()) {
        EXPECT_TRUE(wait_until([&] {
            return explained_route(*session, "select * from orders").find("standby") !=
                   std::string::npos;
        })) << "reads never went to a standby";
    }
    for (const corpus_line& line : read_corpus()) {
        if (line.starts_session) session.emplace(fresh());
        const std::string sqlstate = sqlstate_of(*session, line.statement);
        EXPECT_EQ(!sqlstate.empty(), line.fails)
            << "line " << line.number << ": " << line.statement << "\n  " << sqlstate;
        EXPECT_NE(sqlstate, "25006") << "line " << line.number << ": " << line.statement;
        ASSERT_TRUE(session->connected()) << "line " << line.number << ": " << line.statement;
    }
}

} // namespace
} // namespace pgweir::test
