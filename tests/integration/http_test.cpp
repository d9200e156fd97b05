// /metrics, /livez and /readyz.
#include "tests/support/proxied_test.hpp"

#include <sys/resource.h>

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

TEST_F(http, WhatTheMonitorAndTheCachesDoIsCounted) {
    auto& proxy = shared_pgweir();
    auto session = connect();
    const auto rose = [&](const std::string& name, const std::string& labels = "") {
        const auto before = proxy.metric(name, labels);
        return wait_until([&] {
            session.must("select 4711");
            return proxy.metric(name, labels) > before;
        });
    };
    EXPECT_TRUE(rose("pgweir_checks_total"));
    EXPECT_TRUE(rose("pgweir_view_changes_total"));
    EXPECT_TRUE(rose("pgweir_statement_cache_lookups_total", "\"text_hit\""));
    EXPECT_GT(proxy.metric("pgweir_statement_cache_lookups_total", "\"miss\""), 0);
    EXPECT_GT(proxy.metric("pgweir_catalog_reads_total"), 0);
    session.exec("this is no statement");
    EXPECT_TRUE(wait_until([&] { return proxy.metric("pgweir_statements_unparsed_total") > 0; }));
    EXPECT_EQ(proxy.metric("pgweir_internal_errors_total"), 0);
}

TEST_F(http, AWantOfFileDescriptorsIsCountedAndPasses) {
    if (pgweir_process::is_sanitized())
        GTEST_SKIP() << "a sanitizer without a file descriptor takes sound objects for broken ones";
    const pgweir_process proxy{cluster().addresses()};
    rlimit usual{};
    ASSERT_EQ(::prlimit(proxy.pid(), RLIMIT_NOFILE, nullptr, &usual), 0);
    const rlimit none{8, usual.rlim_max};
    ASSERT_EQ(::prlimit(proxy.pid(), RLIMIT_NOFILE, &none, nullptr), 0);
    wire_client late{proxy.port()};
    EXPECT_TRUE(
        wait_until([&] { return proxy.log().find("accepting paused") != std::string::npos; }));
    ASSERT_EQ(::prlimit(proxy.pid(), RLIMIT_NOFILE, &usual, nullptr), 0);
    EXPECT_TRUE(wait_until([&] { return proxy.metric("pgweir_accept_pauses_total") > 0; }));
    EXPECT_EQ(letters(logged_in(proxy.port()).converse(wire::query("select 1"))), "TDCZ");
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
