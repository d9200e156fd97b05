#include "proxy/config/import/pgpool_conf.hpp"

namespace pgweir {

namespace {

constexpr std::string_view blanks = " \t\r\f\v";

bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.';
}

/// One line, read from the left.
class line_reader {
public:
    explicit line_reader(std::string_view text) : rest_{text} { skip_blanks(); }

    [[nodiscard]] bool at_end() const { return rest_.empty() || rest_.front() == '#'; }
    [[nodiscard]] std::string_view name() {
        std::size_t size = 0;
        while (size < rest_.size() && is_name_character(rest_[size]))
            ++size;
        const auto found = rest_.substr(0, size);
        rest_.remove_prefix(size);
        skip_blanks();
        if (rest_.starts_with('=')) rest_.remove_prefix(1);
        skip_blanks();
        return found;
    }
    /// Empty: there is none, or its quotes are not closed.
    [[nodiscard]] std::optional<std::string> value() {
        if (at_end()) return {};
        auto found = rest_.front() == '\'' ? quoted() : plain();
        skip_blanks();
        return found;
    }

private:
    void skip_blanks() {
        rest_.remove_prefix(std::min(rest_.find_first_not_of(blanks), rest_.size()));
    }
    std::optional<std::string> plain() {
        const auto size = std::min(rest_.find_first_of(" \t\r\f\v#'"), rest_.size());
        if (size == 0) return {};
        std::string found{rest_.substr(0, size)};
        rest_.remove_prefix(size);
        return found;
    }
    std::optional<std::string> quoted() {
        std::string found;
        for (std::size_t i = 1; i < rest_.size(); ++i) {
            const bool escapes = rest_[i] == '\\' || rest_.substr(i, 2) == "''";
            if (escapes && i + 1 < rest_.size()) {
                found += unescaped(rest_[i], rest_[i + 1]);
                ++i;
            } else if (rest_[i] == '\'') {
                rest_.remove_prefix(i + 1);
                return found;
            } else {
                found += rest_[i];
            }
        }
        return {};
    }
    /// `\;` keeps its backslash: it tells the semicolons of a pattern from those between patterns.
    static std::string unescaped(char escape, char c) {
        if (escape == '\\' && c == 'n') return "\n";
        if (escape == '\\' && c == 't') return "\t";
        if (escape == '\\' && c != '\'' && c != '\\') return {escape, c};
        return {c};
    }

    std::string_view rest_;
};

} // namespace

pgpool_conf parse_pgpool_conf(std::string_view text, const std::string& display_name) {
    pgpool_conf conf;
    std::size_t number = 0;
    while (!text.empty()) {
        const auto end = text.find('\n');
        line_reader line{text.substr(0, end)};
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const auto where = display_name + ":" + std::to_string(++number);
        if (line.at_end()) continue;
        const auto name = line.name();
        auto value = line.value();
        if (name.empty() || !value || !line.at_end()) {
            conf.problems.push_back({settings_message::severity::error, where, std::string{name},
                                     "is not a line of the form name = value"});
            continue;
        }
        conf.lines.push_back({std::string{name}, std::move(*value), where});
    }
    return conf;
}

void translate_pool_passwd(std::string_view text,
                           const std::string& display_name,
                           translation& into) {
    std::size_t number = 0;
    for (; !text.empty();) {
        const auto end = text.find('\n');
        const auto line = trimmed(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        const configuration_line from{"", "", display_name + ":" + std::to_string(++number)};
        const auto colon = line.find(':');
        if (line.empty() || line.starts_with('#')) continue;
        if (colon == 0 || colon == std::string_view::npos) {
            into.wrong(from, "must be user:secret");
            continue;
        }
        auto secret = line.substr(colon + 1);
        if (secret.starts_with("AES")) {
            into.missing(from,
                         "is encrypted; set pool_passwd_file to this file and pool_key_file to "
                         "the file of its key (.pgpoolkey)");
            continue;
        }
        if (secret.starts_with("TEXT")) secret.remove_prefix(4);
        into.set_text("users." + std::string{line.substr(0, colon)} + ".password",
                      std::string{secret}, from);
    }
}

} // namespace pgweir
