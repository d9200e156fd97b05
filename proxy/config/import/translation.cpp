#include "proxy/config/import/translation.hpp"

#include "proxy/config/table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace pgweir {

namespace {

using severity = settings_message::severity;

std::string lower(std::string_view text) {
    std::string made{text};
    std::ranges::transform(made, made.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return made;
}

/// A TOML basic string.
std::string quoted(std::string_view text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
            std::array<char, 8> escape{};
            std::snprintf(escape.data(), escape.size(), "\\u%04X", static_cast<unsigned>(c));
            out += escape.data();
        } else {
            out += c;
        }
    }
    return out + '"';
}

std::string toml_value(const raw_value& value) {
    if (value.form == raw_value::kind::text) return quoted(value.text);
    if (value.form != raw_value::kind::list) return value.text;
    std::string out = "[";
    for (const auto& item : value.items)
        out += (out.size() > 1 ? ", " : "") + quoted(item);
    return out + "]";
}

struct override_key {
    std::string_view table; // "databases" or "users"; empty: a general setting
    std::string_view name;
    std::string_view key;
};

override_key split_key(std::string_view key) {
    for (const std::string_view table : {"databases", "users"}) {
        const auto dot = key.rfind('.');
        if (key.starts_with(table) && key.size() > table.size() && key[table.size()] == '.' &&
            dot > table.size())
            return {table, key.substr(table.size() + 1, dot - table.size() - 1),
                    key.substr(dot + 1)};
    }
    return {{}, {}, key};
}

/// A comment must not end before its line does.
std::string comment(std::string_view text) {
    std::string out{"# "};
    for (const char c : text)
        out += static_cast<unsigned char>(c) < 0x20 || c == 0x7F ? ' ' : c;
    return out + '\n';
}

/// Empty: the setting takes the value.
parse_error check(const translated_setting& one) {
    settings_draft draft;
    draft.set(one.key, one.value, one.where);
    return draft.has_errors() ? draft.messages().front().key + " " + draft.messages().front().text
                              : parse_error{};
}

} // namespace

void translation::set(std::string_view key, raw_value value, const configuration_line& from) {
    translated_setting made{std::string{key}, std::move(value), from.where};
    if (const auto error = check(made); !error.empty()) {
        wrong(from, "cannot be taken over: " + error);
        return;
    }
    const auto known = std::ranges::find(settings_, key, &translated_setting::key);
    if (known != settings_.end())
        *known = std::move(made);
    else
        settings_.push_back(std::move(made));
}

void translation::set_text(std::string_view key, std::string text, const configuration_line& from) {
    set(key, {raw_value::kind::text, std::move(text), {}}, from);
}
void translation::set_number(std::string_view key,
                             std::uint64_t number,
                             const configuration_line& from) {
    set(key, {raw_value::kind::number, std::to_string(number), {}}, from);
}
void translation::set_switch(std::string_view key, bool on, const configuration_line& from) {
    set(key, {raw_value::kind::boolean, on ? "true" : "false", {}}, from);
}
void translation::set_list(std::string_view key,
                           std::vector<std::string> items,
                           const configuration_line& from) {
    set(key, {raw_value::kind::list, {}, std::move(items)}, from);
}

void translation::remark(severity level, const configuration_line& from, std::string_view text) {
    remarks_.push_back({level, from.where, from.name, std::string{text}});
}
void translation::ignored(const configuration_line& from, std::string_view why) {
    remark(severity::information, from, "has no meaning here: " + std::string{why});
}
void translation::missing(const configuration_line& from, std::string_view what) {
    remark(severity::warning, from, what);
}
void translation::wrong(const configuration_line& from, std::string_view what) {
    remark(severity::error, from, what);
}

const translated_setting* translation::find(std::string_view key) const {
    const auto known = std::ranges::find(settings_, key, &translated_setting::key);
    return known == settings_.end() ? nullptr : &*known;
}

bool translation::has_errors() const {
    return std::ranges::any_of(remarks_,
                               [](const auto& one) { return one.level == severity::error; });
}

void apply(const translation& from, settings_draft& draft) {
    for (const auto& one : from.settings())
        draft.set(one.key, one.value, one.where);
    for (const auto& one : from.remarks()) {
        if (one.level == severity::error)
            draft.error(one.where, one.key, one.text);
        else if (one.level == severity::warning)
            draft.warning(one.where, one.key, one.text);
        else
            draft.information(one.where, one.key, one.text);
    }
}

std::string to_toml(const translation& from, std::string_view source) {
    std::string out = comment("Settings of pgweir, made from " + std::string{source} + ".");
    if (!from.remarks().empty()) out += "#\n" + comment("What is not in here:");
    for (const auto& one : from.remarks()) {
        const auto* const mark = one.level == severity::information ? "  " : "! ";
        out += comment(mark + to_string(one));
    }
    out += '\n';
    for (const auto& one : from.settings()) {
        if (split_key(one.key).table.empty()) out += one.key + " = " + toml_value(one.value) + '\n';
    }
    std::vector<std::string> written;
    for (const auto& first : from.settings()) {
        const auto at = split_key(first.key);
        if (at.table.empty()) continue;
        const auto header = "[" + std::string{at.table} + "." + quoted(at.name) + "]\n";
        if (std::ranges::find(written, header) != written.end()) continue;
        written.push_back(header);
        out += '\n' + header;
        for (const auto& one : from.settings()) {
            const auto mine = split_key(one.key);
            if (mine.table == at.table && mine.name == at.name)
                out += std::string{mine.key} + " = " + toml_value(one.value) + '\n';
        }
    }
    return out;
}

std::optional<bool> parse_switch(std::string_view text) {
    const auto word = lower(text);
    if (word == "on" || word == "yes" || word == "true" || word == "1") return true;
    if (word == "off" || word == "no" || word == "false" || word == "0") return false;
    return {};
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
    std::uint64_t value = 0;
    const auto* const end = text.data() + text.size();
    const auto [read_to, ec] = std::from_chars(text.data(), end, value);
    if (text.empty() || ec != std::errc{} || read_to != end) return {};
    return value;
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view blanks = " \t\r\n\f\v";
    const auto first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::vector<std::string> split_list(std::string_view text, char separator) {
    std::vector<std::string> items;
    while (!text.empty()) {
        const auto end = text.find(separator);
        if (const auto item = trimmed(text.substr(0, end)); !item.empty()) items.emplace_back(item);
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return items;
}

std::string with_default_unit(std::string_view text, std::string_view unit) {
    return std::string{text} + std::string{parse_number(text) ? unit : ""};
}

} // namespace pgweir
