// SHOW pool_nodes, asked in an ordinary session as one asks pgpool.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class pool_show : public proxied_test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
};

TEST_F(pool_show, EveryNodeWithItsRoleAndWhoAnswersReads) {
    auto session = connect();
    EXPECT_TRUE(wait_until([&] {
        const auto nodes = session.exec("show pool_nodes");
        bool all_up = nodes.ok() && nodes.rows() >= 2;
        for (int row = 0; row < nodes.rows(); ++row)
            all_up = all_up && nodes.value(row, "status") == "up";
        return all_up;
    }));
    const auto nodes = session.exec("SHOW POOL_NODES;");
    ASSERT_TRUE(nodes.ok()) << nodes.message();
    int primaries = 0;
    int readers = 0;
    for (int row = 0; row < nodes.rows(); ++row) {
        EXPECT_EQ(nodes.value(row, "node_id"), std::to_string(row));
        EXPECT_EQ(nodes.value(row, "role"), nodes.value(row, "pg_role"));
        primaries += nodes.value(row, "role") == "primary" ? 1 : 0;
        readers += nodes.value(row, "load_balance_node") == "true" ? 1 : 0;
        EXPECT_THAT(nodes.value(row, "lb_weight"), MatchesRegex("0\\.[0-9]{6}"));
    }
    EXPECT_EQ(primaries, 1);
    EXPECT_EQ(readers, 1);
}

TEST_F(pool_show, ReadsAreCountedByNode) {
    auto session = connect();
    const auto sum = [&] {
        const auto nodes = session.exec("show pool_nodes");
        long all = 0;
        for (int row = 0; row < nodes.rows(); ++row)
            all += std::stol(nodes.value(row, "select_cnt"));
        return all;
    };
    const auto before = sum();
    for (int i = 0; i < 5; ++i)
        session.must("select 1");
    EXPECT_GE(sum(), before + 5);
}

TEST_F(pool_show, TheAnswerTakesNoServerConnection) {
    auto session = connect();
    session.must("begin");
    EXPECT_TRUE(session.exec("show pool_nodes").ok());
    EXPECT_EQ(session.exec("show pgweir.session").value(8, "item"), "pins");
    const auto items = session.exec("show pgweir.session");
    for (int row = 0; row < items.rows(); ++row) {
        if (items.value(row, "item") == "leased") {
            EXPECT_EQ(items.value(row, "value"), "no");
        }
    }
    session.must("rollback");
}

TEST_F(pool_show, VersionAndCacheAreAnsweredToo) {
    auto session = connect();
    EXPECT_THAT(session.value("show pool_version"), MatchesRegex("4\\.7\\.2 \\(pgweir .*\\)"));
    EXPECT_EQ(session.exec("show pool_cache").value(0, "num_cache_hits"), "0");
    EXPECT_THAT(session.exec("show pool_nothing").message(), HasSubstr("pool_nothing"));
}

} // namespace
} // namespace pgweir::test
