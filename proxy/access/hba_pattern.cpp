#include "proxy/access/hba_pattern.hpp"

#include <utility>

namespace pgweir {

namespace {

using translated = boost::system::result<std::string, std::string>;

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/// PostgreSQL's expression in ECMAScript's words.
class translation {
public:
    explicit translation(std::string_view from) : rest_{from} {}

    translated run() {
        if (rest_.starts_with("***"))
            return translated{boost::system::in_place_error, "must not begin with ***"};
        while (!rest_.empty() && problem_.empty())
            step();
        if (!problem_.empty()) return translated{boost::system::in_place_error, problem_};
        return translated{boost::system::in_place_value, made_};
    }

private:
    void step() {
        const char c = take();
        if (c == '\\') return escape(false);
        if (c == '[') return bracket();
        // A line end is a letter like any other.
        if (c == '.')
            made_ += "[\\s\\S]";
        else
            made_ += c;
        if (c == '(' && rest_.starts_with('?')) group();
        if (c == '{') bound();
    }

    /// PostgreSQL counts to 255 (its documentation, 9.7.3); our library would count until its
    /// number overflows.
    void bound() {
        constexpr unsigned most = 255;
        unsigned count = 0;
        for (const char c : rest_.substr(0, rest_.find('}'))) {
            count = c >= '0' && c <= '9' ? count * 10 + static_cast<unsigned>(c - '0') : 0;
            if (count <= most) continue;
            problem_ = "repeats more than " + std::to_string(most) + " times";
            return;
        }
    }

    void group() {
        for (const std::string_view known : {"?:", "?=", "?!"})
            if (rest_.starts_with(known)) return;
        problem_ = "uses (" + std::string{rest_.substr(0, 2)} + ", which is not known here";
    }

    void escape(bool in_bracket) {
        if (rest_.empty()) {
            problem_ = "ends with a backslash";
            return;
        }
        const char c = take();
        if (is_letter(c) && std::string_view{"dDwWsSntrfv"}.find(c) == std::string_view::npos) {
            if (in_bracket || (c != 'A' && c != 'Z')) {
                problem_ = std::string{"uses \\"} + c + ", which is not known here";
                return;
            }
            made_ += c == 'A' ? '^' : '$';
            return;
        }
        if (c >= '0' && c <= '9') {
            problem_ = std::string{"uses \\"} + c + ": references to groups are not known here";
            return;
        }
        made_ += '\\';
        made_ += c;
    }

    void bracket() {
        made_ += '[';
        if (rest_.starts_with('^')) made_ += take();
        // In PostgreSQL the first one is a letter, in ECMAScript the end.
        if (rest_.starts_with(']')) {
            made_ += "\\]";
            take();
        }
        while (!rest_.empty() && problem_.empty()) {
            const char c = take();
            if (c == '\\') {
                escape(true);
                continue;
            }
            if (c == '[' && rest_.starts_with(':')) {
                const auto end = rest_.find(":]");
                if (end == std::string_view::npos) break;
                made_ += '[';
                made_ += rest_.substr(0, end + 2);
                rest_.remove_prefix(end + 2);
                continue;
            }
            if (c == '[' && (rest_.starts_with('.') || rest_.starts_with('='))) {
                problem_ = "uses [" + std::string{rest_.substr(0, 1)} + ", which is not known here";
                return;
            }
            made_ += c;
            if (c == ']') return;
        }
        if (problem_.empty()) problem_ = "has [ without ]";
    }

    char take() {
        const char c = rest_.front();
        rest_.remove_prefix(1);
        return c;
    }

    std::string_view rest_;
    std::string made_;
    std::string problem_;
};

} // namespace

boost::system::result<hba_pattern, std::string> hba_pattern::compile(std::string_view text) {
    using made = boost::system::result<hba_pattern, std::string>;
    const auto refuse = [&](const std::string& why) {
        return made{boost::system::in_place_error,
                    "the regular expression \"" + std::string{text} + "\" " + why};
    };
    if (text.size() > longest_text) return refuse("is too long");
    auto own_words = translation{text}.run();
    if (!own_words) return refuse(own_words.error());
    try {
        // Whoever logs in chooses the text: an expression must not be able to take ages over it.
        std::regex compiled{*own_words,
                            std::regex::ECMAScript | std::regex_constants::__polynomial};
        return hba_pattern{std::string{text}, std::move(compiled)};
    } catch (const std::regex_error& e) {
        return refuse(std::string{"cannot be used: "} + e.what());
    }
}

std::optional<hba_pattern::match> hba_pattern::search(std::string_view text) const {
    if (text.size() > longest_text) return std::nullopt;
    std::cmatch found;
    if (!std::regex_search(text.data(), text.data() + text.size(), found, compiled_))
        return std::nullopt;
    match what;
    if (found.size() > 1) what.first_group = found[1].str();
    return what;
}

} // namespace pgweir
