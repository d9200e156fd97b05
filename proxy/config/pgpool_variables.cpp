#include "proxy/config/pgpool_variables.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>

namespace pgweir {

namespace {

/// Only PGPOOL_ENABLE_LDAP gives these a meaning; others may use them too.
constexpr std::string_view ldap_prefix = "LDAP_";

std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return text;
}

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc{} || end != text.data() + text.size()) return {};
    return value;
}

/// Parts of num:host[:port[:weight[:dir[:flag]]]], an IPv6 address in brackets.
std::vector<std::string> node_fields(std::string_view text) {
    std::vector<std::string> fields{""};
    bool bracket = false;
    for (const char c : text) {
        if (c == '[' || c == ']') bracket = c == '[';
        if (c == ':' && !bracket)
            fields.emplace_back();
        else
            fields.back() += c;
    }
    return fields;
}

struct numbered_node {
    std::uint64_t number = 0;
    node_setting node;
};

/// What is left after the number has the form of the setting `nodes`, whose parser does the rest.
std::optional<numbered_node> parse_pgpool_node(const std::vector<std::string>& fields) {
    if (fields.size() < 2 || fields.size() > 6) return {};
    const auto position = number(fields[0]);
    raw_value raw;
    raw.form = raw_value::kind::list;
    raw.items.push_back(fields[1]);
    const bool has_weight = fields.size() > 3 && !fields[3].empty();
    const bool has_port = fields.size() > 2 && !fields[2].empty();
    if (has_port || has_weight) raw.items.front() += ":" + (has_port ? fields[2] : "5432");
    if (has_weight) raw.items.front() += ":" + fields[3];
    std::vector<node_setting> parsed;
    if (!position || !parse_value(raw, {}, parsed).empty() || parsed.size() != 1) return {};
    return numbered_node{*position, std::move(parsed.front())};
}

} // namespace

pgpool_variables::pgpool_variables(const environment_variables& environment, settings_draft& draft)
    : draft_{draft} {
    for (const auto& [name, value] : environment) {
        if ((name.starts_with("PGPOOL_") || name.starts_with(ldap_prefix)) &&
            !is_injected_by_kubernetes(name, value))
            values_.emplace(name, value);
    }
}

bool pgpool_variables::none() const {
    return std::ranges::none_of(values_,
                                [](const auto& one) { return one.first.starts_with("PGPOOL_"); });
}

const std::string* pgpool_variables::find(std::string_view name) const {
    const auto found = values_.find(name);
    return found == values_.end() || found->second.empty() ? nullptr : &found->second;
}

std::optional<std::string> pgpool_variables::take(std::string_view name) {
    if (const auto known = taken_.find(name); known != taken_.end()) return known->second;
    std::optional<std::string> value;
    if (const auto* path = find(std::string{name} + "_FILE")) {
        value = first_line_of(*path, where(name), "", draft_);
        if (value->empty()) value.reset();
    } else if (const auto* text = find(name)) {
        value = *text;
    }
    taken_.emplace(name, value);
    return value;
}

std::optional<bool> pgpool_variables::take_switch(std::string_view name) {
    const auto value = take(name);
    if (!value) return {};
    const auto word = lower(*value);
    if (word == "yes" || word == "true" || word == "1" || word == "on") return true;
    if (word == "no" || word == "false" || word == "0" || word == "off") return false;
    draft_.error(where(name), "", "must be yes or no (or true/false, 1/0)");
    return {};
}

std::optional<std::uint64_t> pgpool_variables::take_number(std::string_view name) {
    const auto value = take(name);
    if (!value) return {};
    const auto parsed = number(*value);
    if (!parsed) draft_.error(where(name), "", "must be a whole number from 0");
    return parsed;
}

std::string pgpool_variables::where(std::string_view name) const {
    const auto from_file = std::string{name} + "_FILE";
    return "environment variable " + (find(from_file) != nullptr ? from_file : std::string{name});
}

std::string pgpool_variables::not_taken() const {
    std::string unknown;
    for (const auto& [name, value] : values_) {
        const bool file_of_known =
            name.ends_with("_FILE") && taken_.contains(name.substr(0, name.size() - 5));
        if (taken_.contains(name) || file_of_known || name.starts_with(ldap_prefix)) continue;
        unknown += (unknown.empty() ? "" : ", ") + name;
    }
    return unknown;
}

std::vector<std::string> pgpool_list(std::string_view text) {
    constexpr std::string_view separators = ",; \t\n";
    std::vector<std::string> items;
    while (!text.empty()) {
        const auto end = text.find_first_of(separators);
        if (end != 0) items.emplace_back(text.substr(0, end));
        text = end == std::string_view::npos ? std::string_view{} : text.substr(end + 1);
    }
    return items;
}

void read_pgpool_nodes(pgpool_variables& from, settings_draft& draft) {
    constexpr std::string_view name = "PGPOOL_BACKEND_NODES";
    const auto value = from.take(name);
    if (!value) return;
    std::vector<numbered_node> numbered;
    for (const auto& item : pgpool_list(*value)) {
        const auto fields = node_fields(item);
        auto node = parse_pgpool_node(fields);
        if (!node) {
            draft.error(from.where(name), "",
                        "has the entry \"" + item +
                            "\"; each must be number:host[:port[:weight[:directory[:flag]]]]");
            return;
        }
        const auto flag = fields.size() == 6 ? fields[5] : "";
        if (!flag.empty() && flag != "ALLOW_TO_FAILOVER") {
            draft.warning(from.where(name), "",
                          "the flag " + flag + " has no effect: roles are what the servers say");
        }
        numbered.push_back(std::move(*node));
    }
    std::ranges::sort(numbered, {}, &numbered_node::number);
    raw_value nodes;
    nodes.form = raw_value::kind::list;
    for (std::size_t i = 0; i < numbered.size(); ++i) {
        if (i > 0 && numbered[i].number == numbered[i - 1].number) {
            draft.error(from.where(name), "",
                        "has the number " + std::to_string(numbered[i].number) + " twice");
            return;
        }
        if (numbered[i].number != i) {
            draft.information(from.where(name), "",
                              "node " + std::to_string(numbered[i].number) + " is number " +
                                  std::to_string(i) + " here");
        }
        nodes.items.push_back(format_value(std::vector{numbered[i].node}));
    }
    draft.set("nodes", nodes, from.where(name));
    if (const auto names = from.take("PGPOOL_BACKEND_APPLICATION_NAMES")) {
        raw_value list;
        list.form = raw_value::kind::list;
        list.items = pgpool_list(*names);
        draft.set("node_application_names", list, from.where("PGPOOL_BACKEND_APPLICATION_NAMES"));
    }
}

std::vector<configuration_line> pgpool_node_lines(pgpool_variables& from) {
    constexpr std::string_view name = "PGPOOL_BACKEND_NODES";
    constexpr std::array<std::string_view, 5> parameters{"backend_hostname", "backend_port",
                                                         "backend_weight", "backend_data_directory",
                                                         "backend_flag"};
    std::vector<configuration_line> lines;
    for (const auto& item : pgpool_list(from.take(name).value_or(""))) {
        const auto fields = node_fields(item);
        for (std::size_t i = 1; i < fields.size() && i <= parameters.size(); ++i) {
            if (!fields[i].empty())
                lines.push_back(
                    {std::string{parameters[i - 1]} + fields[0], fields[i], from.where(name)});
        }
    }
    return lines;
}

void read_pgpool_users(pgpool_variables& from, settings_draft& draft) {
    // Where two variables name the same user, the first one here holds.
    const auto add = [&](const std::string& user, const std::string& password,
                         std::string_view name) {
        auto& known = draft.values.users[user].password;
        if (known && known->value != password) {
            draft.warning(from.where(name), "",
                          "gives " + user + " a second password; the first one holds");
            return;
        }
        known = secret{password};
    };
    const auto user = from.take("PGPOOL_POSTGRES_USERNAME");
    if (const auto password = from.take("PGPOOL_POSTGRES_PASSWORD")) {
        const auto name = user.value_or("postgres");
        add(name, *password, "PGPOOL_POSTGRES_PASSWORD");
        // It also asks the servers for the secrets of users that no variable names.
        draft.set_text("auth_user", name, from.where("PGPOOL_POSTGRES_USERNAME"));
        draft.set_text("auth_password", *password, from.where("PGPOOL_POSTGRES_PASSWORD"));
    }
    const auto custom = pgpool_list(from.take("PGPOOL_POSTGRES_CUSTOM_USERS").value_or(""));
    const auto secrets = pgpool_list(from.take("PGPOOL_POSTGRES_CUSTOM_PASSWORDS").value_or(""));
    if (custom.size() != secrets.size()) {
        draft.error(from.where("PGPOOL_POSTGRES_CUSTOM_USERS"), "",
                    "has " + std::to_string(custom.size()) +
                        " names, PGPOOL_POSTGRES_CUSTOM_PASSWORDS " +
                        std::to_string(secrets.size()) + " passwords; they must be as many");
        return;
    }
    for (std::size_t i = 0; i < custom.size(); ++i)
        add(custom[i], secrets[i], "PGPOOL_POSTGRES_CUSTOM_PASSWORDS");
    const auto plain_user = from.take("PGPOOL_USERNAME");
    const auto plain_password = from.take("PGPOOL_PASSWORD");
    if (plain_user && plain_password) add(*plain_user, *plain_password, "PGPOOL_PASSWORD");

    const auto admin = from.take("PGPOOL_ADMIN_USERNAME");
    const auto admin_password = from.take("PGPOOL_ADMIN_PASSWORD");
    if (admin) draft.set_text("admin_users", *admin, from.where("PGPOOL_ADMIN_USERNAME"));
    if (admin && admin_password) add(*admin, *admin_password, "PGPOOL_ADMIN_PASSWORD");

    const auto list = from.take("PGPOOL_PASSWD_FILE");
    // A bare name means a file that the image itself wrote from the variables above.
    if (list && std::filesystem::path{*list}.is_absolute())
        draft.set_text("pool_passwd_file", *list, from.where("PGPOOL_PASSWD_FILE"));
    if (const auto key = from.take("PGPOOL_AES_KEY"))
        draft.set_text("pool_key", *key, from.where("PGPOOL_AES_KEY"));
}

} // namespace pgweir
