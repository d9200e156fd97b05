// What a PL/pgSQL body names, found without parsing it: a body is proved harmless from a superset
// of its calls, operators and relations, and from the absence of every word that could begin a
// statement which changes session state. Pure functions.
#pragma once

#include "sql/facts.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct procedural_body {
    /// Empty: the lists below are complete. Otherwise a word of the body that may do anything
    /// (EXECUTE, SET, CREATE …), or "text" where the scanner gave up.
    std::string doubt;
    bool writes = false;                        // INSERT, UPDATE, DELETE, MERGE or TRUNCATE occurs
    bool inserts = false;                       // INSERT, MERGE or DEFAULT occurs
    std::vector<sql::qualified_name> calls;     // every name before a parenthesis
    std::vector<std::string> keyword_calls;     // the same, of words that mostly are keywords there
    std::vector<std::string> words;             // every other name: relations, columns, variables …
    std::vector<sql::qualified_name> operators; // as written, without schemas
};

/// `body` is what stands between the quotes of CREATE FUNCTION or DO, under
/// standard_conforming_strings. Linear in its length.
[[nodiscard]] procedural_body read_procedural_body(std::string_view body);

} // namespace pgweir
