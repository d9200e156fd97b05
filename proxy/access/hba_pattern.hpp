// The regular expressions of pg_hba.conf and pg_ident.conf: words that begin with a slash. Written
// as PostgreSQL's, as far as they mean the same here; what would mean something else is refused
// when it is read. Immutable; threads may share one. Source: PostgreSQL docs, functions-matching
// (advanced regular expressions).
#pragma once

#include <boost/system/result.hpp>

#include <cstddef>
#include <optional>
#include <regex>
#include <string>
#include <string_view>

namespace pgweir {

class hba_pattern {
public:
    /// `text` is what follows the slash. The error is a sentence about what is wrong.
    [[nodiscard]] static boost::system::result<hba_pattern, std::string>
    compile(std::string_view text);

    /// Longer texts match nothing: no name is as long.
    static constexpr std::size_t longest_text = 1024;

    struct match {
        std::string first_group; // of the parentheses; empty if it has none
    };
    /// Anywhere in `text`, unless the expression has anchors. Takes time in proportion to the
    /// lengths of both.
    [[nodiscard]] std::optional<match> search(std::string_view text) const;

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] std::size_t groups() const { return compiled_.mark_count(); }

private:
    hba_pattern(std::string text, std::regex compiled)
        : text_{std::move(text)}, compiled_{std::move(compiled)} {}

    std::string text_;
    std::regex compiled_;
};

} // namespace pgweir
