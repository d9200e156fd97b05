#include "proxy/session/session_probe.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <regex>

using namespace pgweir;
using protocol::decode_errc;

namespace {

using text = std::optional<std::string_view>;

std::string ask(probe_parts parts, std::vector<std::string> names = {}) {
    probe_request request;
    request.parts = parts;
    request.names = std::move(names);
    request.guarded = false;
    return probe_sql(request);
}

protocol::error_code read(probe_parts asked, text kind, text name, text value) {
    return probe_reader{asked}.add(kind, name, value);
}

struct row {
    std::string_view kind;
    text name;
    text value;
};

probed_state answer(probe_parts asked, const std::vector<row>& rows) {
    probe_reader reader{asked};
    for (const auto& r : rows)
        EXPECT_FALSE(reader.add(r.kind, r.name, r.value)) << r.kind;
    auto state = reader.finish();
    EXPECT_TRUE(state) << state.error();
    return state ? std::move(*state) : probed_state{};
}

parameter_map carried(const parameter_map& before, const probed_state& seen) {
    return carried_after(before, seen, login_identity{"app", "none"});
}

pin_set pins(std::initializer_list<pin_reason> whys) {
    pin_set all;
    for (const auto why : whys)
        all.add(why);
    return all;
}

std::vector<pin_reason> reasons(const pin_set& all) {
    std::vector<pin_reason> list;
    all.each([&](pin_reason why) { list.push_back(why); });
    return list;
}

constexpr std::array all_parts{
    probe_parts::identity, probe_parts::named,          probe_parts::parameters,
    probe_parts::prepared, probe_parts::cursors,        probe_parts::channels,
    probe_parts::origin,   probe_parts::advisory_locks, probe_parts::temporary_objects};

} // namespace

TEST(SessionProbe, AsksOnlyForWhatIsWanted) {
    EXPECT_EQ(ask(probe_parts::none), "");
    EXPECT_EQ(ask(probe_parts::named), "") << "no names";
    EXPECT_EQ(ask(probe_parts::cursors).find("pg_show_all_settings"), std::string::npos);
    EXPECT_NE(ask(probe_parts::parameters).find("pg_show_all_settings"), std::string::npos);
    EXPECT_EQ(ask(probe_parts::visible, {"a.b"}).find("replication_origin"), std::string::npos)
        << "refused to other roles than a superuser";
    EXPECT_NE(ask(probe_parts::origin).find("replication_origin"), std::string::npos);
}

TEST(SessionProbe, EachPartIsOneStatement) {
    for (const auto part : all_parts) {
        const auto sql = ask(part, {"app.x", "work_mem"});
        EXPECT_TRUE(sql.starts_with("SELECT ")) << sql;
        EXPECT_EQ(sql.find(';'), std::string::npos) << sql;
    }
    const auto sql = ask(probe_parts::identity | probe_parts::cursors);
    EXPECT_EQ(std::count(sql.begin(), sql.end(), ';'), 1);
    EXPECT_FALSE(sql.ends_with("; "));
}

TEST(SessionProbe, NamesNothingThatASearchPathCouldReplace) {
    const auto sql = ask(probe_parts::visible | probe_parts::origin, {"app.x"});
    const std::regex call{R"(([A-Za-z_.]+)\()"};
    for (std::sregex_iterator at{sql.begin(), sql.end(), call}, end; at != end; ++at) {
        const auto word = (*at)[1].str();
        const bool is_syntax = word == "OPERATOR" || word == "CAST" || word == "l" || word == "n";
        EXPECT_TRUE(is_syntax || word.starts_with("pg_catalog.")) << word;
    }
    EXPECT_FALSE(std::regex_search(sql, std::regex{R"([^.]=|<>|~| IN | LIKE |::)"})) << sql;
    EXPECT_FALSE(std::regex_search(sql, std::regex{R"((FROM|JOIN) (?!pg_catalog\.|\())"})) << sql;
}

TEST(SessionProbe, NeverWaitsForASafeSnapshot) {
    probe_request request;
    request.parts = probe_parts::cursors;
    EXPECT_EQ(probe_sql(request),
              "SET TRANSACTION ISOLATION LEVEL READ COMMITTED; " + ask(probe_parts::cursors));
    request.parts = probe_parts::none;
    EXPECT_EQ(probe_sql(request), "");
}

TEST(SessionProbe, SetsNothingThatItsOwnAnswerWouldShow) {
    EXPECT_EQ(ask(probe_parts::visible | probe_parts::origin).find("SET LOCAL"), std::string::npos);
    EXPECT_FALSE(ask(probe_parts::visible).starts_with("SET"));
}

TEST(SessionProbe, AsksForEachNameOnceAndForNoneThatWouldFail) {
    const auto sql =
        ask(probe_parts::named, {"app.x", "APP.X", "", "Dynamic_Library_Path", "it's"});
    EXPECT_NE(sql.find("(VALUES ('app.x'), ('it''s'))"), std::string::npos) << sql;
}

TEST(SessionProbe, IsAsciiWhateverTheNamesAre) {
    for (const char c : ask(probe_parts::named, {"app.gr\xC3\xB6\xC3\x9F", "a.\x83\\"}))
        EXPECT_LT(static_cast<unsigned char>(c), 0x80);
}

TEST(ProbeReader, GathersEveryKind) {
    const auto seen = answer(probe_parts::visible | probe_parts::origin,
                             {{"identity", "weak", "app"},
                              {"named", "app.x", "1"},
                              {"named", "app.y", std::nullopt},
                              {"named", "app.z", ""},
                              {"parameter", "DateStyle", "German, DMY"},
                              {"privileged", "session_replication_role", "replica"},
                              {"prepared", "p", ""},
                              {"protocol_prepared", "P_1", ""},
                              {"protocol_prepared", "P_2", ""},
                              {"cursor", "c", ""},
                              {"channel", "l", ""},
                              {"advisory_lock", "0/7/1", "ExclusiveLock"},
                              {"temporary", "", "3"},
                              {"origin", "", "t"}});
    EXPECT_EQ(seen.role, "weak");
    EXPECT_EQ(seen.session_user, "app");
    EXPECT_EQ(seen.named, (std::map<std::string, std::optional<std::string>>{
                              {"app.x", "1"}, {"app.y", std::nullopt}, {"app.z", ""}}));
    EXPECT_EQ(seen.parameters, (parameter_map{{"datestyle", "German, DMY"},
                                              {"session_replication_role", "replica"}}));
    EXPECT_EQ(seen.privileged.size(), 1U);
    EXPECT_EQ(seen.prepared, std::vector<std::string>{"p"});
    EXPECT_EQ(seen.protocol_prepared, 2U);
    EXPECT_EQ(seen.cursors, std::vector<std::string>{"c"});
    EXPECT_EQ(seen.channels, std::vector<std::string>{"l"});
    EXPECT_EQ(seen.advisory_locks, std::vector<std::string>{"0/7/1 ExclusiveLock"});
    EXPECT_EQ(seen.temporary_objects, 3U);
    EXPECT_TRUE(seen.origin);
}

TEST(ProbeReader, TurnsEscapesIntoTheServersBytes) {
    const auto seen =
        answer(probe_parts::named | probe_parts::channels,
               {{"named", R"(app.\303\266)", R"(a\\b\303\251\377)"}, {"channel", R"(\\\\)", ""}});
    EXPECT_EQ(seen.named.at("app.\xC3\xB6"), "a\\b\xC3\xA9\xFF");
    EXPECT_EQ(seen.channels.front(), R"(\\)");
}

TEST(ProbeReader, LeavesOutTheModesOfATransaction) {
    const auto seen =
        answer(probe_parts::parameters, {{"parameter", "transaction_isolation", "serializable"},
                                         {"parameter", "transaction_read_only", "on"},
                                         {"parameter", "default_transaction_read_only", "on"}});
    EXPECT_EQ(seen.parameters, (parameter_map{{"default_transaction_read_only", "on"}}));
}

TEST(ProbeReader, RefusesWhatWasNotAskedFor) {
    EXPECT_EQ(read(probe_parts::cursors, "prepared", "p", ""), decode_errc::bad_value);
    EXPECT_EQ(read(probe_parts::visible, "origin", "", "t"), decode_errc::bad_value);
    EXPECT_EQ(read(probe_parts::visible, "something", "", ""), decode_errc::bad_value);
}

TEST(ProbeReader, RefusesValuesThatAreNone) {
    for (const auto* const value : {"", "-1", "3x", "99999999999999999999"})
        EXPECT_EQ(read(probe_parts::temporary_objects, "temporary", "", value),
                  decode_errc::bad_value)
            << value;
    EXPECT_EQ(read(probe_parts::origin, "origin", "", "true"), decode_errc::bad_value);
    for (const auto* const value : {"\\", "\\30", "\\999", "\\777", "\\x41", "a\\"})
        EXPECT_EQ(read(probe_parts::named, "named", "n", value), decode_errc::bad_value) << value;
}

TEST(ProbeReader, RefusesNullWhereNoneMayBe) {
    EXPECT_EQ(read(probe_parts::named, std::nullopt, "n", ""), decode_errc::missing_field);
    EXPECT_EQ(read(probe_parts::named, "named", std::nullopt, ""), decode_errc::missing_field);
    EXPECT_EQ(read(probe_parts::identity, "identity", "none", std::nullopt),
              decode_errc::missing_field);
    EXPECT_EQ(read(probe_parts::temporary_objects, "temporary", "", std::nullopt),
              decode_errc::missing_field);
}

TEST(ProbeReader, MissesTheRowsThatMustCome) {
    for (const auto part : all_parts) {
        const bool always = part == probe_parts::identity || part == probe_parts::origin ||
                            part == probe_parts::temporary_objects;
        probe_reader reader{part};
        const auto state = reader.finish();
        EXPECT_EQ(state.has_value(), !always);
        if (!state) EXPECT_EQ(state.error(), decode_errc::missing_field);
    }
}

TEST(CarriedAfter, KeepsWhatWasNotAskedFor) {
    const parameter_map before{{"role", "r"}, {"work_mem", "5120"}, {"app.x", "1"}};
    EXPECT_EQ(carried(before, answer(probe_parts::cursors, {})), before);
}

TEST(CarriedAfter, TakesAllParametersFromAFullAnswer) {
    const parameter_map before{{"role", "r"}, {"work_mem", "5120"}, {"app.x", "1"}};
    const auto seen = answer(probe_parts::parameters, {{"parameter", "TimeZone", "UTC"}});
    EXPECT_EQ(carried(before, seen),
              (parameter_map{{"role", "r"}, {"timezone", "UTC"}, {"app.x", "1"}}))
        << "role and custom names are not in that answer";
}

TEST(CarriedAfter, TakesNamedOnesAsTheyAre) {
    const auto seen = answer(
        probe_parts::named,
        {{"named", "work_mem", "8MB"}, {"named", "app.x", ""}, {"named", "app.y", std::nullopt}});
    EXPECT_EQ(carried({{"app.y", "2"}, {"timezone", "UTC"}}, seen),
              (parameter_map{{"work_mem", "8MB"}, {"app.x", ""}, {"timezone", "UTC"}}))
        << "an empty custom parameter is not the same as none";
}

TEST(CarriedAfter, AFullAnswerKnowsBetterThanANamedValue) {
    const auto seen =
        answer(probe_parts::named | probe_parts::parameters, {{"named", "work_mem", "4MB"},
                                                              {"named", "timezone", "UTC"},
                                                              {"named", "app.x", "1"},
                                                              {"parameter", "TimeZone", "UTC"}});
    EXPECT_EQ(carried({{"work_mem", "5120"}}, seen),
              (parameter_map{{"timezone", "UTC"}, {"app.x", "1"}}))
        << "work_mem has its default again";
}

TEST(CarriedAfter, ComparesUserAndRoleWithThoseOfTheLogin) {
    const auto seen = answer(probe_parts::identity, {{"identity", "r", "other"}});
    EXPECT_EQ(carried({}, seen),
              (parameter_map{{"role", "r"}, {"session_authorization", "other"}}));
    const auto plain = answer(probe_parts::identity, {{"identity", "none", "app"}});
    EXPECT_EQ(carried({{"role", "r"}, {"session_authorization", "other"}}, plain), parameter_map{});
    EXPECT_EQ(carried_after({}, plain, {"app", "by_alter_role"}), (parameter_map{{"role", "none"}}))
        << "SET ROLE NONE where ALTER ROLE has set one";
}

TEST(CanFollow, IsNotForWhatTheLoginUserCannotSet) {
    const auto plain = answer(probe_parts::parameters, {{"parameter", "work_mem", "64"}});
    const auto high = answer(probe_parts::parameters, {{"privileged", "zero_damaged_pages", "on"}});
    EXPECT_TRUE(can_follow(plain, false));
    EXPECT_TRUE(can_follow(high, true));
    EXPECT_FALSE(can_follow(high, false));
    EXPECT_EQ(reasons(pins_after({}, high, false)), std::vector{pin_reason::parameter});
    EXPECT_FALSE(pins_after({}, high, true).any());
    EXPECT_FALSE(pins_after(pins({pin_reason::parameter}), plain, false).any());
}

TEST(PinsAfter, FindsEachPinThatShows) {
    const auto seen =
        answer(probe_parts::visible | probe_parts::origin, {{"identity", "none", "app"},
                                                            {"prepared", "p", ""},
                                                            {"cursor", "c", ""},
                                                            {"channel", "l", ""},
                                                            {"advisory_lock", "0/7/1", "ShareLock"},
                                                            {"temporary", "", "1"},
                                                            {"origin", "", "t"}});
    EXPECT_EQ(reasons(pins_after(pins({pin_reason::opaque}), seen, false)),
              (std::vector{pin_reason::sql_prepare, pin_reason::listen,
                           pin_reason::temporary_object, pin_reason::holdable_cursor,
                           pin_reason::advisory_lock, pin_reason::held_by_connection}));
}

TEST(PinsAfter, EndsOnlyWhatWasAskedFor) {
    const auto before = pins({pin_reason::sql_prepare, pin_reason::listen, pin_reason::opaque});
    EXPECT_EQ(reasons(pins_after(before, answer(probe_parts::channels, {}), false)),
              (std::vector{pin_reason::sql_prepare, pin_reason::opaque}));
}

TEST(PinsAfter, ProtocolPreparedStatementsPinNothing) {
    const auto seen = answer(probe_parts::prepared, {{"protocol_prepared", "P_1", ""}});
    EXPECT_FALSE(pins_after(pins({pin_reason::sql_prepare}), seen, false).any());
}

TEST(PinsAfter, WhatNoProbeSeesStays) {
    const auto before = pins({pin_reason::session_mode, pin_reason::library, pin_reason::seed,
                              pin_reason::sequence_state, pin_reason::held_by_connection});
    const auto nothing =
        answer(probe_parts::visible | probe_parts::origin,
               {{"identity", "none", "app"}, {"temporary", "", "0"}, {"origin", "", "f"}});
    EXPECT_EQ(reasons(pins_after(before, nothing, true)), reasons(before));
    EXPECT_FALSE(pins_after(pins({pin_reason::opaque}), nothing, true).any());
}
