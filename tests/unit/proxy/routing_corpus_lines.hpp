// The routing corpus: statements with the route that each must get.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace pgweir::testing {

struct corpus_line {
    int number = 0; // in the file
    bool starts_session = false;
    bool fails = false; // on any server
    bool on_standby = false;
    std::string reason;
    std::string statement;
};

inline std::string corpus_file(const std::string& extension,
                               const std::string& corpus = "routing_corpus") {
    std::ifstream in{PGWEIR_SOURCE_DIR "/tests/unit/proxy/" + corpus + extension};
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
        line.on_standby = text.starts_with("standby");
        line.reason = text.substr(first + 3, second - first - 3);
        line.statement = text.substr(second + 3);
        lines.push_back(std::move(line));
    }
    return lines;
}

} // namespace pgweir::testing
