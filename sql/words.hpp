// Comparing SQL words without regard to case, as PostgreSQL does for keywords: ASCII letters only,
// any locale.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <span>
#include <string>
#include <string_view>

namespace pgweir::sql {

constexpr char to_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
}

/// `lower` must be in lower case.
constexpr bool is_word(std::string_view text, std::string_view lower) {
    return text.size() == lower.size() &&
           std::equal(text.begin(), text.end(), lower.begin(),
                      [](char a, char b) { return to_lower(a) == b; });
}

inline std::string to_lower(std::string_view text) {
    std::string lower{text};
    for (char& c : lower)
        c = to_lower(c);
    return lower;
}

/// A fixed set of lower-case words, sorted when compiled; asked by words in any case.
template <std::size_t Size> class word_set {
public:
    consteval explicit word_set(std::array<std::string_view, Size> words) : words_{words} {
        std::ranges::sort(words_);
        for (const auto word : words_)
            longest_ = std::max(longest_, word.size());
    }

    [[nodiscard]] constexpr bool contains(std::string_view word) const {
        if (word.size() > longest_) return false;
        std::array<char, 64> lower{};
        std::ranges::transform(word, lower.begin(), [](char c) { return to_lower(c); });
        return std::ranges::binary_search(words_, std::string_view{lower.data(), word.size()});
    }

private:
    std::array<std::string_view, Size> words_;
    std::size_t longest_ = 0;
};

template <class... Words> consteval auto make_word_set(Words... words) {
    return word_set<sizeof...(Words)>{{std::string_view{words}...}};
}

} // namespace pgweir::sql
