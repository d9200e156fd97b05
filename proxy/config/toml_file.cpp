// Reads the TOML file: flat keys, and the tables [databases.NAME] and [users.NAME].
#include "proxy/config/draft.hpp"
#include "proxy/config/file_text.hpp"

// toml++ takes for granted what some broken dates and names of tables do not keep, and a compiler
// that may believe it goes wrong there: it shall look instead.
#undef NDEBUG
#define TOML_ASSERT(condition) ((condition) ? void() : throw std::logic_error{#condition})
// The same with accented letters where a blank may stand: it takes for granted that there are none.
#if __has_include(<toml++/impl/unicode.hpp>)
#include <toml++/impl/forward_declarations.hpp>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.hpp>
#else
#include <toml++/impl/forward_declarations.h>
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE return false
#include <toml++/impl/unicode.h>
#endif
#undef TOML_UNREACHABLE
#define TOML_UNREACHABLE __builtin_unreachable()
#include <toml++/toml.h>

#include <algorithm>
#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace pgweir {

namespace {

std::string where(const std::string& file, const toml::node& node) {
    return file + ":" + std::to_string(node.source().begin.line);
}

/// A value that has a meaning for some setting; empty for tables, dates and nested lists.
std::optional<raw_value> scalar(const toml::node& node) {
    raw_value raw;
    if (const auto* text = node.as_string()) {
        raw.text = text->get();
    } else if (const auto* flag = node.as_boolean()) {
        raw.form = raw_value::kind::boolean;
        raw.text = flag->get() ? "true" : "false";
    } else if (const auto* number = node.as_integer()) {
        raw.form = raw_value::kind::number;
        const bool octal =
            (number->flags() & toml::value_flags::format_as_octal) != toml::value_flags::none;
        std::ostringstream digits;
        if (octal) digits << '0' << std::oct;
        digits << number->get();
        raw.text = digits.str();
    } else if (const auto* decimal = node.as_floating_point()) {
        raw.form = raw_value::kind::number;
        raw.text = std::to_string(decimal->get());
    } else {
        return {};
    }
    return raw;
}

std::optional<raw_value> value_of(const toml::node& node) {
    const auto* list = node.as_array();
    if (list == nullptr) return scalar(node);
    raw_value raw;
    raw.form = raw_value::kind::list;
    for (const auto& item : *list) {
        const auto one = scalar(item);
        if (!one) return {};
        raw.items.push_back(one->text);
    }
    return raw;
}

constexpr const char* no_value = "must be a text, a number, true or false, or a list of these";

/// The line at which toml++ finds what it takes for granted missing: it does not say.
std::size_t line_of_trouble(std::string_view text) {
    std::vector<std::size_t> ends; // of the lines
    for (auto at = text.find('\n'); at != std::string_view::npos; at = text.find('\n', at + 1))
        ends.push_back(at + 1);
    const auto is_sound = [text](std::size_t end) {
        try {
            static_cast<void>(toml::parse(text.substr(0, end)));
        } catch (const toml::parse_error&) {
            return true;
        } catch (const std::logic_error&) {
            return false;
        }
        return true;
    };
    return static_cast<std::size_t>(std::ranges::partition_point(ends, is_sound) - ends.begin()) +
           1;
}

void read_overrides(const toml::table& names,
                    bool users,
                    const std::string& file,
                    settings_draft& draft) {
    for (const auto& [name, entry] : names) {
        const auto* table = entry.as_table();
        const std::string full =
            std::string{users ? "users." : "databases."} + std::string{name.str()};
        if (table == nullptr) {
            draft.error(where(file, entry), full, "must be a table: [" + full + "]");
            continue;
        }
        // An entry without keys still names a database or user.
        if (users)
            draft.values.users.try_emplace(std::string{name.str()});
        else
            draft.values.databases.try_emplace(std::string{name.str()});
        for (const auto& [key, value] : *table) {
            const auto raw = value_of(value);
            if (!raw)
                draft.error(where(file, value), full + "." + std::string{key.str()}, no_value);
            else if (users)
                draft.set_user(name.str(), key.str(), *raw, where(file, value));
            else
                draft.set_database(name.str(), key.str(), *raw, where(file, value));
        }
    }
}

} // namespace

void read_toml_text(std::string_view text, const std::string& display_name, settings_draft& draft) {
    toml::table root;
    try {
        root = toml::parse(text);
    } catch (const toml::parse_error& failure) {
        draft.error(display_name + ":" + std::to_string(failure.source().begin.line), "",
                    "is not TOML: " + std::string{failure.description()});
        return;
    } catch (const std::logic_error&) {
        draft.error(display_name + ":" + std::to_string(line_of_trouble(text)), "",
                    "is not TOML: a date, a time or a table's name is none");
        return;
    }
    for (const auto& [key, node] : root) {
        const auto* table = node.as_table();
        if (table != nullptr && (key.str() == "databases" || key.str() == "users")) {
            read_overrides(*table, key.str() == "users", display_name, draft);
            continue;
        }
        if (table != nullptr) {
            draft.error(where(display_name, node), key.str(),
                        "is not a table that pgweir knows; settings stand before the first table, "
                        "then come "
                        "[databases.NAME] and [users.NAME]");
            continue;
        }
        if (const auto raw = value_of(node))
            draft.set(key.str(), *raw, where(display_name, node));
        else
            draft.error(where(display_name, node), key.str(), no_value);
    }
}

void read_toml_file(const std::string& path, settings_draft& draft) {
    const auto content = file_text(path);
    if (!content) {
        draft.error(path, "", "cannot be read: " + std::generic_category().message(errno));
        return;
    }
    read_toml_text(*content, path, draft);
}

} // namespace pgweir
