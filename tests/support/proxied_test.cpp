#include "tests/support/proxied_test.hpp"

#include <cstdlib>
#include <memory>

namespace pgweir::test {

namespace {

std::unique_ptr<pgweir_process>& shared_instance() {
    static std::unique_ptr<pgweir_process> instance;
    return instance;
}

} // namespace

bool is_direct() {
    const char* target = std::getenv("PGWEIR_TEST_TARGET");
    return target != nullptr && std::string{target} == "direct";
}

pgweir_process& shared_pgweir() {
    auto& instance = shared_instance();
    if (instance && !instance->running()) instance.reset();
    if (!instance) instance = std::make_unique<pgweir_process>(shared_cluster().addresses());
    return *instance;
}

void drop_shared_pgweir() {
    shared_instance().reset();
}

int target_port() {
    return is_direct() ? shared_cluster().primary().port() : shared_pgweir().port();
}

void proxied_test::TearDown() {
    auto& instance = shared_instance();
    if (!instance) return;
    if (!instance->running()) {
        ADD_FAILURE() << "pgweir has died:\n" << instance->log();
        instance.reset();
    } else {
        instance->expect_clean_log();
    }
}

void proxied_test::make_table(const std::string& name, const std::string& columns) {
    auto session = cluster().primary().connect("app");
    session.must("drop table if exists " + name);
    session.must("create table " + name + " (" + columns + ")");
    session.must("alter table " + name + " owner to app");
    session.must("grant all on " + name + " to public");
    EXPECT_TRUE(cluster().wait_caught_up());
}

std::string explained_route(pg_connection& session, const std::string& statement) {
    const auto result = session.exec("explain route " + statement);
    if (!result.ok() || result.rows() == 0) return "error: " + result.message();
    std::string text;
    for (int row = 0; row < result.rows(); ++row) {
        for (int column = 0; column < result.columns(); ++column)
            text += (text.empty() ? "" : " ") + result.value(row, column);
    }
    return text;
}

} // namespace pgweir::test
