// One statement of a parse tree to its facts: which kind it is, and what its kind means. What lies
// inside of it is collected by classify_expression.
#pragma once

#include "sql/facts.hpp"
#include "sql/parse.hpp"

namespace pgweir::sql {

/// `statement` is the child "stmt" of a RawStmt. A statement that is not understood is `unknown`,
/// writes, and has an opaque effect.
[[nodiscard]] statement_facts classify_statement(node statement);

/// True for statements that PostgreSQL refuses inside a transaction block, or may refuse depending
/// on the catalog.
[[nodiscard]] bool is_barred_from_block(node statement);

} // namespace pgweir::sql
