// The routing corpus: statements with the route that each must get, and the catalog they are judged
// by.
#pragma once

#include "proxy/router/catalog_queries.hpp"
#include "proxy/router/router.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::testing {

struct corpus_line {
    int number = 0; // in the file
    bool starts_session = false;
    bool fails = false; // on any server
    route_target target = route_target::primary;
    std::string reason;
    std::string statement;
};

inline std::string corpus_file(const std::string& extension) {
    std::ifstream in{PGWEIR_SOURCE_DIR "/tests/unit/proxy/routing_corpus" + extension};
    EXPECT_TRUE(in) << extension;
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

inline std::vector<corpus_line> read_corpus() {
    std::vector<corpus_line> lines;
    std::istringstream in{corpus_file(".txt")};
    std::string text;
    bool fresh = true;
    for (int number = 1; std::getline(in, text); ++number) {
        if (text.empty()) fresh = true;
        if (text.empty() || text.front() == '#') continue;
        const auto first = text.find(" | ");
        const auto second = text.find(" | ", first + 1);
        EXPECT_NE(second, std::string::npos) << number;
        corpus_line line;
        line.number = number;
        line.starts_session = std::exchange(fresh, false);
        line.fails = text[first - 1] == '!';
        line.target = text.starts_with("standby") ? route_target::standby : route_target::primary;
        line.reason = text.substr(first + 3, second - first - 3);
        line.statement = text.substr(second + 3);
        lines.push_back(std::move(line));
    }
    return lines;
}

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

inline catalog_rows read_catalog_rows() {
    std::vector<catalog_table> answers;
    std::istringstream in{corpus_file(".catalog")};
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
