#include "proxy/config/load.hpp"

#include "proxy/config/draft.hpp"
#include "proxy/config/pgpool_environment.hpp"
#include "proxy/config/table.hpp"

#include <algorithm>
#include <iterator>

namespace pgweir {

namespace {

std::string all_of(const std::vector<settings_message>& problems) {
    std::string text;
    for (const auto& problem : problems) {
        if (!text.empty()) text += '\n';
        text += to_string(problem);
    }
    return text;
}

void read_assignments(const std::vector<std::string>& assignments, settings_draft& draft) {
    for (const auto& assignment : assignments) {
        const auto equals = assignment.find('=');
        const auto key = assignment.substr(0, equals);
        if (equals == std::string::npos)
            draft.error("--set", key, "needs a value: --set " + key + "=VALUE");
        else
            draft.set_text(key, assignment.substr(equals + 1), "--set");
    }
}

/// The password that `file_key` names, into `into`; both given is a contradiction, unless the other
/// is what the image's variables said, which every later source may replace.
void read_password_file(settings_draft& draft,
                        const std::string& path,
                        std::string_view file_key,
                        std::string_view key,
                        const secret& by_image,
                        secret& into) {
    if (path.empty()) return;
    const auto where = draft.origin(file_key);
    if (!into.empty() && into != by_image) {
        draft.error(where, file_key,
                    "contradicts " + std::string{key} + " (" + draft.origin(key) +
                        "); set one of them");
        return;
    }
    into.value = first_line_of(path, where, file_key, draft);
}

/// The secret that password_file of a user names, as that user's password.
void read_user_password_files(settings_draft& draft,
                              const decltype(settings::users)& users_by_image) {
    for (auto& [name, own] : draft.values.users) {
        if (!own.password_file || own.password_file->empty()) continue;
        const auto by_image = users_by_image.find(name);
        const bool replaces = own.password && (by_image == users_by_image.end() ||
                                               by_image->second.password != own.password);
        const auto where = "users." + name;
        if (replaces)
            draft.error(where, "password_file", "contradicts password; set one of them");
        else
            own.password = secret{first_line_of(*own.password_file, where, "password_file", draft)};
    }
}

} // namespace

std::string to_string(const settings_message& message) {
    return message.where + ": " + (message.key.empty() ? "" : message.key + " ") + message.text;
}

settings_error::settings_error(std::vector<settings_message> problems)
    : std::runtime_error{all_of(problems)}, problems_{std::move(problems)} {}

loaded_settings load_settings(const settings_sources& sources) {
    settings_draft draft;
    read_pgpool_environment(sources.environment, draft);
    const auto monitor_by_image = draft.values.monitor_password;
    const auto auth_by_image = draft.values.auth_password;
    const auto key_by_image = draft.values.pool_key;
    const auto users_by_image = draft.values.users;
    if (!sources.config_file.empty()) read_toml_file(sources.config_file, draft);
    read_native_environment(sources.environment, draft);
    read_assignments(sources.assignments, draft);
    auto& values = draft.values;
    read_password_file(draft, values.monitor_password_file, "monitor_password_file",
                       "monitor_password", monitor_by_image, values.monitor_password);
    read_password_file(draft, values.auth_password_file, "auth_password_file", "auth_password",
                       auth_by_image, values.auth_password);
    read_password_file(draft, values.pool_key_file, "pool_key_file", "pool_key", key_by_image,
                       values.pool_key);
    read_user_password_files(draft, users_by_image);
    if (!draft.has_errors()) validate(draft);
    if (!draft.has_errors()) check_files(draft);

    auto& messages = draft.messages();
    if (draft.has_errors()) {
        std::erase_if(messages, [](const auto& one) {
            return one.level != settings_message::severity::error;
        });
        throw settings_error{std::move(messages)};
    }
    return {std::move(values), std::move(messages)};
}

reloaded_settings apply_reload(const settings& current, settings wanted) {
    reloaded_settings result;
    for (const auto& group : setting_groups()) {
        for (const auto& row : group.rows) {
            if (row.differs(current, wanted)) {
                if (row.when == applies::on_reload) {
                    result.changed.emplace_back(row.name);
                    continue;
                }
                result.messages.push_back({settings_message::severity::warning, "reload",
                                           std::string{row.name},
                                           "was changed; it takes effect at the next start"});
                row.copy(current, wanted);
            }
        }
    }
    const auto note = [&result](const auto& before, const auto& after, std::string_view kind) {
        auto names = before;
        names.insert(after.begin(), after.end());
        for (const auto& [name, ignored] : names) {
            const auto old_one = before.find(name);
            const auto new_one = after.find(name);
            const bool same = old_one != before.end() && new_one != after.end() &&
                              old_one->second == new_one->second;
            if (!same) result.changed.push_back(std::string{kind} + "." + name);
        }
    };
    note(current.databases, wanted.databases, "databases");
    note(current.users, wanted.users, "users");
    result.values = std::move(wanted);
    return result;
}

} // namespace pgweir
