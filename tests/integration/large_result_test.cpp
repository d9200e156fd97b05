// Results and statements of any size pass through bounded memory.
#include "tests/support/proxied_test.hpp"

namespace pgweir::test {
namespace {

class large_result : public proxied_test {
protected:
    static constexpr std::size_t megabyte = 1024 * 1024;
};

/// Reads the whole answer without keeping it; the number of its bytes.
std::size_t drain(wire_client& client) {
    std::size_t total = 0;
    while (const auto message = client.read(60s)) {
        total += message->body.size() + 5;
        if (message->type == 'Z') break;
    }
    return total;
}

TEST_F(large_result, AGigabyteOfRowsGrowsMemoryByLessThan32Megabytes) {
    PGWEIR_ONLY();
    PGWEIR_MEASURES_MEMORY();
    auto client = logged_in(target_port());
    client.converse(wire::query("select 1"));
    const auto before = shared_pgweir().resident();
    client.send(wire::query("select repeat('r', 10000) from generate_series(1, 107374)"));
    std::size_t total = 0;
    std::size_t peak = 0;
    while (const auto message = client.read(60s)) {
        total += message->body.size() + 5;
        if ((total / megabyte) % 64 == 0) peak = std::max(peak, shared_pgweir().resident());
        if (message->type == 'Z') break;
    }
    peak = std::max(peak, shared_pgweir().resident());
    EXPECT_GT(total, 1024 * megabyte);
    EXPECT_LT(peak, before + 32 * megabyte);
}

TEST_F(large_result, ASlowReaderHoldsTheServerBackInsteadOfFillingMemory) {
    PGWEIR_ONLY();
    PGWEIR_MEASURES_MEMORY();
    auto client = logged_in(target_port());
    client.converse(wire::query("select 1"));
    const auto before = shared_pgweir().resident();
    client.send(wire::query("select repeat('s', 10000) from generate_series(1, 30000)"));
    EXPECT_TRUE(
        stays_false([&] { return shared_pgweir().resident() > before + 32 * megabyte; }, 1500ms));
    EXPECT_GT(drain(client), 280 * megabyte);
}

TEST_F(large_result, ASingleRowOf256MegabytesPasses) {
    auto client = logged_in(target_port());
    const bool measured = !is_direct() && !pgweir_process::is_sanitized();
    const auto before = measured ? shared_pgweir().resident() : 0;
    client.send(wire::query("select repeat('w', 268435456)"));
    EXPECT_GT(drain(client), 256 * megabyte);
    if (measured) EXPECT_LT(shared_pgweir().resident(), before + 32 * megabyte);
}

TEST_F(large_result, AParameterOf64MegabytesPasses) {
    auto client = logged_in(target_port());
    const std::string value(64 * megabyte, 'p');
    const auto messages =
        client.converse(wire::parse("", "select length($1::text)") + wire::bind("", "", {{value}}) +
                        wire::execute("") + wire::sync());
    ASSERT_EQ(letters(messages), "12DCZ") << sqlstate(messages);
    EXPECT_EQ(first_columns(messages).at(0), std::to_string(64 * megabyte));
}

TEST_F(large_result, AMessageAboveTheLimitIsRefusedAndNothingElseHappens) {
    PGWEIR_ONLY();
    pgweir_options options;
    options.settings["max_message_size"] = "1MB";
    const pgweir_process proxy{cluster().addresses(), options};
    auto client = logged_in(proxy.port());
    client.send("Q" + wire::int32(8 * 1024 * 1024) + "select");
    const auto messages = client.read_to_end();
    EXPECT_NE(sqlstate(messages), "");
    auto other = logged_in(proxy.port());
    EXPECT_EQ(letters(other.converse(wire::query("select 1"))), "TDCZ");
}

TEST_F(large_result, BuffersShrinkAgainAfterALargeStatement) {
    PGWEIR_ONLY();
    PGWEIR_MEASURES_MEMORY();
    auto client = logged_in(target_port());
    const auto before = shared_pgweir().resident();
    const std::string value(100 * megabyte, 'b');
    client.converse(wire::query("select length('" + value + "')"));
    EXPECT_TRUE(wait_until([&] { return shared_pgweir().resident() < before + 40 * megabyte; }, 5s))
        << "resident: " << shared_pgweir().resident() / megabyte << " MB";
}

} // namespace
} // namespace pgweir::test
