// pg_hba.conf, pg_ident.conf and the files that they include, as lines of fields of tokens. Pure:
// whoever calls says how files are read. Source: PostgreSQL docs, auth-pg-hba-conf; hba.c
// (tokenize_auth_file, next_token).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct hba_token {
    std::string text; // without its quotes
    bool quoted = false;

    /// Quoted words are names, whatever they spell.
    [[nodiscard]] bool is_keyword(std::string_view word) const { return !quoted && text == word; }
};

/// What stands between blanks: tokens separated by commas. Never empty.
using hba_field = std::vector<hba_token>;

struct hba_line {
    std::string file;
    std::size_t line = 0; // 1-based; of several continued lines the first
    std::vector<hba_field> fields;
};

struct hba_problem {
    std::string file;
    std::size_t line = 0; // 0: the file as a whole
    std::string what;
    /// PostgreSQL takes it without a word, and so must whoever reads its files; but it will
    /// surprise.
    bool is_harmless = false;

    /// "file:line: what".
    [[nodiscard]] std::string text() const;
};

struct hba_content {
    enum class state : std::uint8_t { read, missing, unreadable };
    state what = state::missing;
    std::string text; // what was read, or why it could not be
};

/// The files that lines may name.
struct hba_files {
    std::function<hba_content(const std::string& path)> read;
    /// The names of a folder's files, in any order; nothing in `names` but in `problem` if it
    /// cannot be read.
    struct listing {
        std::vector<std::string> names;
        std::string problem;
    };
    std::function<listing(const std::string& folder)> list;
};

struct hba_tokens {
    std::vector<hba_line> lines;
    std::vector<hba_problem> problems;
};

/// How deeply files may include others.
constexpr int most_hba_includes = 10;
/// How many files are read in all, one that is named twice counted twice.
constexpr int most_hba_files = 1000;

/// The lines of a file, with those that it includes (include, include_if_exists, include_dir,
/// @file) in their places. Relative names are relative to the file that has them.
[[nodiscard]] hba_tokens read_hba_file(const std::string& path, const hba_files& files);
/// The same for a text that messages call `display_name`; what it includes is relative to the
/// folder of that name.
[[nodiscard]] hba_tokens
read_hba_text(std::string_view text, const std::string& display_name, const hba_files& files);

} // namespace pgweir
