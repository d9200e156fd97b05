#include "protocol/frame.hpp"
#include "protocol/rows.hpp"
#include "proxy/session/parse_state.hpp"

#include <gtest/gtest.h>

#include <string>

namespace pgweir {
namespace {

std::string body_of(const protocol::row_description& description) {
    std::string message;
    encode(description, message);
    return message.substr(protocol::frame_header::bytes);
}

protocol::row_description columns() {
    protocol::row_description description;
    for (const char* name : {"id", "name"}) {
        protocol::field_description field;
        field.name = name;
        description.fields.push_back(field);
    }
    return description;
}

TEST(ParseState, WhatCannotChangeAMeaningIsLeftOut) {
    const parameter_map followed{{"application_name", "a"},
                                 {"app.tenant", "7"},
                                 {"role", "r"},
                                 {"statement_timeout", "1"},
                                 {"timezone", "UTC"}};
    EXPECT_EQ(parse_parameters_of(followed),
              (parse_parameters{{"app.tenant", "7"}, {"role", "r"}, {"timezone", "UTC"}}));
    EXPECT_EQ(parse_key({{"work_mem", "1"}}), "");
    EXPECT_NE(parse_key({{"timezone", "UTC"}}), parse_key({{"timezone", "Asia/Tokyo"}}));
    EXPECT_NE(parse_key({{"a", "b"}, {"c", "d"}}), parse_key({{"a", "bc=d"}}));
}

TEST(ParseState, OnlyWhatCountsIsTakenBackForAParse) {
    const parameter_map carried{{"datestyle", "SQL"}, {"timezone", "UTC"}, {"work_mem", "7"}};
    EXPECT_EQ(carried_for_parse(carried, {{"search_path", "s"}, {"timezone", "Asia/Tokyo"}}),
              (parameter_map{{"search_path", "s"}, {"timezone", "Asia/Tokyo"}, {"work_mem", "7"}}));
}

TEST(ShapeOf, NamesAndTypesMatterTablesAndFormatsDoNot) {
    const auto shape = shape_of(body_of(columns()));
    auto other = columns();
    other.fields[0].format = 1;
    other.fields[0].table_oid = 4711;
    other.fields[1].column_number = 3;
    EXPECT_EQ(shape_of(body_of(other)), shape);
    other = columns();
    other.fields[1].name = "title";
    EXPECT_NE(shape_of(body_of(other)), shape);
    other = columns();
    other.fields[1].type_oid = 23;
    EXPECT_NE(shape_of(body_of(other)), shape);
    other = columns();
    other.fields[1].type_modifier = 14;
    EXPECT_NE(shape_of(body_of(other)), shape);
    other = columns();
    other.fields.emplace_back();
    EXPECT_NE(shape_of(body_of(other)), shape);
}

TEST(ShapeOf, NoDataIsAShapeOfItsOwn) {
    EXPECT_NE(shape_of({}), 0U);
    EXPECT_NE(shape_of({}), shape_of(body_of(columns())));
}

} // namespace
} // namespace pgweir
