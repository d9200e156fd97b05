// Comparing SQL words without regard to case, as PostgreSQL does for keywords: ASCII letters only,
// any locale.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
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

/// A fixed set of lower-case words, sorted when compiled; asked by words in any case. Most words
/// that are not in the set are told by their first letter and length alone.
template <std::size_t Size> class word_set {
public:
    consteval explicit word_set(std::array<std::string_view, Size> words) : words_{words} {
        std::ranges::sort(words_);
        for (const auto word : words_)
            lengths_[first_letter(word)] |= 1U << word.size();
    }

    [[nodiscard]] constexpr bool contains(std::string_view word) const {
        if (word.empty() || word.size() > longest ||
            (lengths_[first_letter(word)] >> word.size() & 1U) == 0) {
            return false;
        }
        std::array<char, longest + 1> lower{};
        for (std::size_t i = 0; i < word.size(); ++i)
            lower[i] = to_lower(word[i]);
        return std::ranges::binary_search(words_, std::string_view{lower.data(), word.size()});
    }

private:
    static constexpr std::size_t longest = 31; // bits in a mask

    static constexpr std::size_t first_letter(std::string_view word) {
        return static_cast<unsigned char>(word[0]) & 31U;
    }

    std::array<std::string_view, Size> words_;
    std::array<std::uint32_t, 32> lengths_{}; // per first letter: bit n for a word of n letters
};

template <class... Words> consteval auto make_word_set(Words... words) {
    return word_set<sizeof...(Words)>{{std::string_view{words}...}};
}

} // namespace pgweir::sql
