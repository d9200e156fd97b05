#include "protocol/simple_query.hpp"
#include "tests/unit/protocol/messages.hpp"

namespace pgweir::protocol {
namespace {

TEST(Query, IsReadAsWritten) {
    const auto body = body_of_only(query{"select 'ä;'"});
    EXPECT_EQ(decode_query(body)->text, "select 'ä;'");
    expect_only_whole_bodies(body, decode_query);
}

TEST(Query, MayBeEmpty) {
    EXPECT_EQ(decode_query(body_of_only(query{""}))->text, "");
}

TEST(CommandComplete, IsReadAsWritten) {
    const auto body = body_of_only(command_complete{"INSERT 0 5"});
    EXPECT_EQ(decode_command_complete(body)->tag, "INSERT 0 5");
    expect_only_whole_bodies(body, decode_command_complete);
}

TEST(CommandComplete, HasARowCountInSomeTags) {
    EXPECT_EQ(row_count("INSERT 0 5"), 5U);
    EXPECT_EQ(row_count("SELECT 18446744073709551615"), 18446744073709551615U);
    EXPECT_EQ(row_count("COPY 0"), 0U);
    for (const auto* tag : {"", "BEGIN", "CREATE TABLE", "SELECT ", "SELECT -1", "SELECT 5x",
                            "SELECT 18446744073709551616"})
        EXPECT_EQ(row_count(tag), std::nullopt) << tag;
}

TEST(ReadyForQuery, IsReadAsWritten) {
    for (const auto status : {transaction_status::idle, transaction_status::in_transaction,
                              transaction_status::failed}) {
        const auto body = body_of_only(ready_for_query{status});
        EXPECT_EQ(decode_ready_for_query(body)->status, status);
        expect_only_whole_bodies(body, decode_ready_for_query);
    }
}

TEST(ReadyForQuery, HasNoOtherStatus) {
    for (int letter = 0; letter < 256; ++letter) {
        const std::string body(1, static_cast<char>(letter));
        const bool is_status = letter == 'I' || letter == 'T' || letter == 'E';
        EXPECT_EQ(decode_ready_for_query(body).has_value(), is_status) << letter;
    }
    EXPECT_EQ(decode_ready_for_query("X").error(), decode_errc::bad_value);
}

TEST(EmptyMessages, HaveNoBody) {
    expect_only_whole_bodies(body_of_only(terminate{}), decode_terminate);
    expect_only_whole_bodies(body_of_only(empty_query_response{}), decode_empty_query_response);
}

} // namespace
} // namespace pgweir::protocol
