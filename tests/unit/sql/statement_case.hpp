// A statement and what must be known of it, as describe() says it.
#pragma once

#include "sql/classify.hpp"
#include "tests/unit/sql/describe.hpp"

#include <gtest/gtest.h>

#include <span>

namespace pgweir::sql {

struct statement_case {
    const char* text;
    const char* facts;
};

inline void expect_facts(std::span<const statement_case> cases) {
    for (const statement_case& expected : cases) {
        SCOPED_TRACE(expected.text);
        EXPECT_EQ(describe(classify(expected.text)), expected.facts);
    }
}

} // namespace pgweir::sql
