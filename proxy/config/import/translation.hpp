// What another proxy's configuration means in pgweir's settings: the settings, and a remark for
// everything that has no meaning here. Pure; both translators make one of these.
#pragma once

#include "proxy/config/draft.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

/// One `name = value` of a configuration file, as it stands there.
struct configuration_line {
    std::string name;
    std::string value;
    std::string where; // "pgpool.conf:12"
};

struct translated_setting {
    std::string key; // also databases.NAME.key and users.NAME.key
    raw_value value;
    std::string where;
};

class translation {
public:
    /// Replaces what was set before under this key. A value that the setting does not allow becomes
    /// an error among the remarks instead.
    void set(std::string_view key, raw_value value, const configuration_line& from);
    void set_text(std::string_view key, std::string text, const configuration_line& from);
    void set_number(std::string_view key, std::uint64_t number, const configuration_line& from);
    void set_switch(std::string_view key, bool on, const configuration_line& from);
    void
    set_list(std::string_view key, std::vector<std::string> items, const configuration_line& from);

    /// It has no meaning here, and why.
    void ignored(const configuration_line& from, std::string_view why);
    /// It asks for something that will be missed.
    void missing(const configuration_line& from, std::string_view what);
    void wrong(const configuration_line& from, std::string_view what);

    [[nodiscard]] const std::vector<translated_setting>& settings() const { return settings_; }
    [[nodiscard]] const std::vector<settings_message>& remarks() const { return remarks_; }
    [[nodiscard]] const translated_setting* find(std::string_view key) const;
    [[nodiscard]] bool has_errors() const;

private:
    void
    remark(settings_message::severity level, const configuration_line& from, std::string_view text);

    std::vector<translated_setting> settings_;
    std::vector<settings_message> remarks_;
};

/// Settings and remarks, into settings that are being read.
void apply(const translation& from, settings_draft& draft);

/// A settings file for pgweir, secrets included. Remarks stand in front as comments.
[[nodiscard]] std::string to_toml(const translation& from, std::string_view source);

/// on, yes, true, 1 and their opposites, in any case. Empty: none of them.
[[nodiscard]] std::optional<bool> parse_switch(std::string_view text);
/// A whole number from 0.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text);
[[nodiscard]] std::string_view trimmed(std::string_view text);
/// Cut at `separator`, trimmed; empty items are dropped.
[[nodiscard]] std::vector<std::string> split_list(std::string_view text, char separator);
/// `text` with `unit` behind it if it is a bare number.
[[nodiscard]] std::string with_default_unit(std::string_view text, std::string_view unit);

} // namespace pgweir
