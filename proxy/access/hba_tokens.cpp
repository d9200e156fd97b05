#include "proxy/access/hba_tokens.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <utility>

namespace pgweir {

namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t' || c == '\r';
}

/// One line, token by token.
class line_scanner {
public:
    explicit line_scanner(std::string_view text) : rest_{text} {}

    struct scanned {
        hba_token token;
        bool comma = false; // the field goes on behind it
    };
    /// Nothing at the end of the line or before a comment.
    std::optional<scanned> next() {
        while (!rest_.empty() && (is_blank(rest_.front()) || rest_.front() == ','))
            rest_.remove_prefix(1);
        scanned found;
        bool any = false;
        bool inside = false;     // of quotes
        bool just_ended = false; // a quote: another one makes it a letter
        while (!rest_.empty() && (inside || !is_blank(rest_.front()))) {
            const char c = rest_.front();
            if (c == '#' && !inside) {
                rest_ = {};
                break;
            }
            rest_.remove_prefix(1);
            if (c == ',' && !inside) {
                found.comma = true;
                break;
            }
            if (c != '"' || just_ended) found.token.text += c;
            just_ended = inside && c == '"' && !just_ended;
            if (c == '"') {
                inside = !inside;
                if (!any) found.token.quoted = true;
            }
            any = true;
        }
        unterminated_ = unterminated_ || inside;
        if (!any) return std::nullopt;
        return found;
    }
    [[nodiscard]] bool has_open_quote() const { return unterminated_; }

private:
    std::string_view rest_;
    bool unterminated_ = false;
};

struct numbered_line {
    std::size_t number = 0;
    std::string text;
};

/// Lines that end with a backslash go on in the next one, comments too.
std::vector<numbered_line> join_continued(std::string_view text) {
    std::vector<numbered_line> lines;
    std::size_t number = 0;
    bool continued = false;
    std::size_t joined_at = 0; // a backslash before here has been used up
    while (!text.empty()) {
        const auto end = text.find('\n');
        auto line = text.substr(0, end);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
        ++number;
        while (line.ends_with('\r'))
            line.remove_suffix(1);
        if (!continued) {
            lines.push_back({number, {}});
            joined_at = 0;
        }
        auto& whole = lines.back().text;
        whole += line;
        continued = whole.size() > joined_at && whole.ends_with('\\');
        if (continued) whole.pop_back();
        joined_at = whole.size();
    }
    return lines;
}

class hba_file_reader {
public:
    hba_file_reader(const hba_files& files, hba_tokens& into) : files_{files}, into_{into} {}

    struct place {
        std::string file;
        std::size_t line = 0;
        int depth = 0;
    };

    /// False: the file cannot be read; the problem is that of `by`.
    bool read(const std::string& path, const place& by, bool may_be_missing) {
        auto content = fetch(path, by, may_be_missing);
        if (!content) return false;
        read_text(*content, path, by.depth);
        return true;
    }

    void read_text(std::string_view text, const std::string& name, int depth) {
        if (text.find('\0') != std::string_view::npos)
            return problem({name, 0, depth}, "holds a zero byte: this is no text file");
        for (const auto& [number, line] : join_continued(text)) {
            const place at{name, number, depth};
            auto fields = fields_of(line, at);
            if (fields.empty()) continue;
            if (include(fields, at)) continue;
            into_.lines.push_back({name, number, std::move(fields)});
        }
    }

private:
    void problem(const place& at, std::string what) {
        into_.problems.push_back({at.file, at.line, std::move(what)});
    }

    std::optional<std::string>
    fetch(const std::string& path, const place& by, bool may_be_missing) {
        if (by.depth > most_hba_includes) {
            problem(by, "includes files more than " + std::to_string(most_hba_includes) + " deep");
            return std::nullopt;
        }
        if (++files_read_ > most_hba_files) {
            problem(by, "includes more than " + std::to_string(most_hba_files) + " files in all");
            return std::nullopt;
        }
        auto content = files_.read(path);
        if (content.what == hba_content::state::read) return std::move(content.text);
        const bool missing = content.what == hba_content::state::missing;
        if (!missing || !may_be_missing)
            problem(by, "cannot read \"" + path + "\": " + content.text);
        return std::nullopt;
    }

    static std::string beside(const std::string& file, const std::string& name) {
        const std::filesystem::path wanted{name};
        if (wanted.is_absolute()) return name;
        return (std::filesystem::path{file}.parent_path() / wanted).string();
    }

    std::vector<hba_field> fields_of(std::string_view line, const place& at) {
        std::vector<hba_field> fields;
        line_scanner scanner{line};
        bool comma = false;
        while (auto found = scanner.next()) {
            if (!std::exchange(comma, found->comma)) fields.emplace_back();
            auto& token = found->token;
            if (!token.quoted && token.text.size() > 1 && token.text.front() == '@')
                expand(token.text.substr(1), at, fields.back());
            else
                fields.back().push_back(std::move(token));
        }
        if (scanner.has_open_quote())
            into_.problems.push_back({at.file, at.line,
                                      "has a quotation mark without its other half: all that "
                                      "follows it is one word",
                                      true});
        // An empty @file leaves a field with nothing that could match.
        if (std::ranges::any_of(fields, &hba_field::empty)) {
            problem(at, "has a field that is empty");
            fields.clear();
        }
        return fields;
    }

    /// @file: all its tokens become part of the field.
    void expand(const std::string& name, const place& at, hba_field& into) {
        const place inner{at.file, at.line, at.depth + 1};
        const auto path = beside(at.file, name);
        const auto content = fetch(path, inner, false);
        if (!content) {
            // The problem is noted; what else the line has is looked at all the same.
            into.push_back({"@" + name, true});
            return;
        }
        for (const auto& [number, line] : join_continued(*content))
            for (auto& field : fields_of(line, {path, number, at.depth + 1}))
                std::ranges::move(field, std::back_inserter(into));
    }

    /// True if the line was an include directive.
    bool include(const std::vector<hba_field>& fields, const place& at) {
        const auto& word = fields.front().front();
        const bool folder = word.is_keyword("include_dir");
        const bool optional = word.is_keyword("include_if_exists");
        if (!folder && !optional && !word.is_keyword("include")) return false;
        if (fields.size() != 2 || fields[0].size() != 1 || fields[1].size() != 1) {
            problem(at, word.text + " needs exactly one name");
            return true;
        }
        const auto path = beside(at.file, fields[1].front().text);
        const place inner{at.file, at.line, at.depth + 1};
        if (folder)
            include_folder(path, inner);
        else
            read(path, inner, optional);
        return true;
    }

    void include_folder(const std::string& folder, const place& by) {
        auto listed = files_.list(folder);
        if (!listed.problem.empty())
            return problem(by, "cannot read folder \"" + folder + "\": " + listed.problem);
        std::ranges::sort(listed.names);
        for (const auto& name : listed.names)
            if (name.ends_with(".conf") && !name.starts_with('.'))
                read((std::filesystem::path{folder} / name).string(), by, false);
    }

    const hba_files& files_;
    hba_tokens& into_;
    int files_read_ = 0;
};

} // namespace

std::string hba_problem::text() const {
    return file + (line == 0 ? "" : ":" + std::to_string(line)) + ": " + what;
}

hba_tokens read_hba_file(const std::string& path, const hba_files& files) {
    hba_tokens made;
    hba_file_reader reader{files, made};
    reader.read(path, {path, 0, 0}, false);
    return made;
}

hba_tokens
read_hba_text(std::string_view text, const std::string& display_name, const hba_files& files) {
    hba_tokens made;
    hba_file_reader reader{files, made};
    reader.read_text(text, display_name, 0);
    return made;
}

} // namespace pgweir
