// The routing corpus: statements with the route that each must get, and the catalog they are judged
// by.
#pragma once

#include "proxy/router/catalog_queries.hpp"
#include "tests/unit/proxy/routing_corpus_lines.hpp"

#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::testing {

/// A cell as COPY writes it.
inline catalog_cell copied_cell(std::string_view text) {
    if (text == "\\N") return std::nullopt;
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\' || i + 1 == text.size()) {
            plain += text[i];
            continue;
        }
        const char letter = text[++i];
        plain += letter == 'n' ? '\n' : letter == 't' ? '\t' : letter;
    }
    return plain;
}

inline catalog_rows read_catalog_rows(const std::string& corpus = "routing_corpus") {
    std::vector<catalog_table> answers;
    std::istringstream in{corpus_file(".catalog", corpus)};
    std::string line;
    while (std::getline(in, line)) {
        if (line == "@") {
            answers.emplace_back();
            continue;
        }
        std::vector<catalog_cell> cells;
        std::string_view rest = line;
        for (;;) {
            const auto tab = rest.find('\t');
            cells.push_back(copied_cell(rest.substr(0, tab)));
            if (tab == std::string_view::npos) break;
            rest.remove_prefix(tab + 1);
        }
        answers.back().push_back(std::move(cells));
    }
    auto rows = rows_of("corpus", 150000, answers);
    if (!rows) {
        ADD_FAILURE() << rows.error().what;
        return {};
    }
    return *std::move(rows);
}

} // namespace pgweir::testing
