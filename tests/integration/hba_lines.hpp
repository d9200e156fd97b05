// Lines of pg_hba.conf and pg_ident.conf made at random, good ones and spoiled ones. The same seed
// makes the same lines.
#pragma once

#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::test {

class hba_lines {
public:
    /// `modern`: with what PostgreSQL knows since 16 (patterns in both columns, include).
    hba_lines(unsigned seed, bool modern) : random_{seed}, modern_{modern} {}

    /// A file of good lines, with comments, blank lines and continued ones. It may name the files
    /// `dbs`, `users` and (if modern) `more.conf` beside it.
    std::string good_file();
    /// One line without its end, by any method; good as far as its words go.
    std::string line();
    std::string ident_line();
    /// A line with a few words or letters lost, doubled, swapped or put in; never two lines.
    std::string spoiled(std::string line);

    [[nodiscard]] bool chance(unsigned one_in) { return below(one_in) == 0; }
    template <class T> const T& one_of(const std::vector<T>& all) {
        return all[below(static_cast<unsigned>(all.size()))];
    }

private:
    unsigned below(unsigned end) { return static_cast<unsigned>(random_() % end); }
    std::string blank();
    std::string joined(const std::vector<std::string>& words);
    std::string list_of(const std::vector<std::string>& words);
    std::string good_line();

    std::mt19937 random_;
    bool modern_;
};

} // namespace pgweir::test
