// What names mean: a map from a name to all that bear it, asked without making a string, and which
// of them are meant.
#pragma once

#include "proxy/router/purity.hpp"
#include "sql/facts.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pgweir {

struct text_hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const {
        return std::hash<std::string_view>{}(text);
    }
};

template <class Entry>
using by_name = std::unordered_map<std::string, std::vector<Entry>, text_hash, std::equal_to<>>;

inline constexpr std::string_view catalog_schema = "pg_catalog";

/// Whether an entry of `schema` is among what `name` can mean.
[[nodiscard]] inline bool
is_meant(std::string_view schema, const sql::qualified_name& name, name_scope scope) {
    if (!name.schema.empty()) return schema == name.schema;
    return scope == name_scope::any_schema || schema == catalog_schema;
}

[[nodiscard]] inline bool may_mean_builtin(const sql::qualified_name& name) {
    return name.schema.empty() || name.schema == catalog_schema;
}

} // namespace pgweir
