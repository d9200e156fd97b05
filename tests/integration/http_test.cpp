// /metrics, /livez and /readyz.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

using ::testing::HasSubstr;

class http : public proxied_test {
protected:
    void SetUp() override { PGWEIR_ONLY(); }
};

TEST_F(http, TheProbesAnswerYes) {
    EXPECT_EQ(shared_pgweir().http("/livez").status, 200);
    EXPECT_EQ(shared_pgweir().http("/readyz").status, 200);
    EXPECT_EQ(shared_pgweir().http("/nothing/here").status, 404);
}

TEST_F(http, MetricsAreInPrometheusTextFormat) {
    connect().must("select 1");
    const auto answer = shared_pgweir().http("/metrics");
    EXPECT_EQ(answer.status, 200);
    EXPECT_THAT(answer.headers, HasSubstr("text/plain"));
    EXPECT_THAT(answer.body, HasSubstr("# TYPE pgweir_"));
    EXPECT_THAT(answer.body, HasSubstr("pgweir_clients"));
    EXPECT_THAT(answer.body, HasSubstr("pgweir_statements_total"));
}

TEST_F(http, ClientsAndStatementsAreCounted) {
    const auto total = [] { return shared_pgweir().metric("pgweir_statements_total"); };
    const auto before = total();
    auto session = connect();
    for (int count = 0; count < 10; ++count)
        session.must("select 1");
    EXPECT_TRUE(wait_until([&] { return total() >= before + 10; }));
    EXPECT_TRUE(wait_until([&] { return shared_pgweir().metric("pgweir_clients") >= 1; }));
}

TEST_F(http, ErrorsAreCountedBySqlstateClass) {
    auto session = connect();
    const auto before = shared_pgweir().metric("pgweir_errors_total", "\"22\"");
    session.exec("select 1/0");
    EXPECT_TRUE(wait_until(
        [&] { return shared_pgweir().metric("pgweir_errors_total", "\"22\"") > before; }));
}

TEST_F(http, BadRequestsHurtNobody) {
    for (const std::string& bytes :
         {std::string{"nonsense\r\n\r\n"}, std::string(100'000, 'h'), std::string{"GET"},
          std::string{"POST /metrics HTTP/1.1\r\nContent-Length: 999999999999\r\n\r\n"}}) {
        wire_client client{shared_pgweir().http_port()};
        client.send(bytes);
        client.reset();
    }
    EXPECT_EQ(shared_pgweir().http("/livez").status, 200);
}

TEST_F(http, ManyProbesAtOnce) {
    std::vector<wire_client> open;
    for (int count = 0; count < 50; ++count)
        open.emplace_back(shared_pgweir().http_port());
    EXPECT_EQ(shared_pgweir().http("/livez").status, 200);
}

TEST_F(http, ReadyzSaysNoWhenEveryServerIsGoneAndYesWhenItIsBack) {
    cluster_options small;
    small.standbys = 0;
    postgres_cluster own{small};
    const pgweir_process proxy{own.addresses()};
    own.primary().stop();
    EXPECT_TRUE(wait_until([&] { return proxy.http("/readyz").status == 503; }));
    EXPECT_EQ(proxy.http("/livez").status, 200);
    own.primary().start();
    EXPECT_TRUE(wait_until([&] { return proxy.http("/readyz").status == 200; }));
}

} // namespace
} // namespace pgweir::test
