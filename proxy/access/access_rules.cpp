#include "proxy/access/access_rules.hpp"

#include "proxy/config/file_text.hpp"

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <stdexcept>
#include <system_error>

namespace pgweir {

namespace {

login_method method_of(auth_method method) {
    switch (method) {
    case auth_method::trust:
        return login_method::trust;
    case auth_method::password:
        return login_method::password;
    case auth_method::md5:
        return login_method::md5;
    case auth_method::scram_sha_256:
        break;
    }
    return login_method::scram_sha_256;
}

/// Everybody, from everywhere, by auth_method.
hba_rules rules_of(auth_method method) {
    hba_rules made;
    for (const auto type : {hba_type::local, hba_type::host}) {
        hba_rule rule;
        rule.type = type;
        rule.method = method_of(method);
        rule.databases.push_back({hba_name::kind::all, "all", nullptr});
        rule.databases.push_back({hba_name::kind::replication, "replication", nullptr});
        rule.users.push_back({hba_name::kind::all, "all", nullptr});
        rule.file = "auth_method";
        made.rules.push_back(std::move(rule));
    }
    return made;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines)
        text += line + "\n";
    return text;
}

/// What can be read and will surprise.
void look_for_surprises(const settings& values, access_rules& made) {
    const bool has_tls = values.client_tls_sslmode != tls_mode::disable;
    for (const auto& rule : made.hba.rules) {
        const auto warn = [&](std::string_view what) {
            made.warnings.push_back(rule.place() + ": " + std::string{what});
        };
        if (rule.type == hba_type::hostssl && !has_tls)
            warn("fits nobody, because client_tls_sslmode is disable");
        if (rule.type == hba_type::hostgssenc)
            warn("fits nobody, because there is no encryption by GSSAPI");
        if (rule.address.what == hba_address::kind::host_name &&
            !may_be_host_name(rule.address.name))
            warn("fits nobody, because \"" + rule.address.name +
                 "\" is no address and no host's name");
        if (rule.method == login_method::trust) warn("trusts whoever it fits");
        if (!rule.map.empty() && !made.maps.has(rule.map))
            warn("lets nobody in, because ident_file has no map \"" + rule.map + "\"");
    }
}

/// What the rules need of other settings.
void look_for_needs(const settings& values,
                    const access_rules& made,
                    std::vector<hba_problem>& problems) {
    const bool asks_roles = made.hba.asks_roles || made.maps.asks_roles;
    if (asks_roles && values.auth_user.empty())
        problems.push_back({values.hba_file.empty() ? "hba_rules" : values.hba_file, 0,
                            "+role and samerole are asked of the servers by auth_user, which is "
                            "not set"});
    if (!values.client_tls_ca_file.empty()) return;
    for (const auto& rule : made.hba.rules)
        if (rule.certificate != certificate_demand::none &&
            values.client_tls_sslmode != tls_mode::disable)
            problems.push_back({rule.file, rule.line,
                                "demands a client's certificate, but client_tls_ca_file, which "
                                "would verify it, is not set"});
}

hba_content read_file(const std::string& path) {
    std::error_code ec;
    hba_content content;
    if (std::filesystem::is_directory(path, ec)) {
        content.what = hba_content::state::unreadable;
        content.text = "it is a folder";
        return content;
    }
    if (auto text = file_text(path)) {
        content.what = hba_content::state::read;
        content.text = std::move(*text);
        return content;
    }
    const int why = errno;
    content.what = why == ENOENT ? hba_content::state::missing : hba_content::state::unreadable;
    content.text = std::generic_category().message(why);
    return content;
}

hba_files::listing list_folder(const std::string& folder) {
    hba_files::listing found;
    std::error_code ec;
    for (std::filesystem::directory_iterator at{folder, ec}, end; !ec && at != end;
         at.increment(ec))
        found.names.push_back(at->path().filename().string());
    if (ec) found.problem = ec.message();
    return found;
}

} // namespace

std::shared_ptr<const access_rules> load_access_rules(const settings& values,
                                                      const hba_files& files) {
    auto made = std::make_shared<access_rules>();
    made->from_file = !values.hba_file.empty() || !values.hba_rules.empty();
    if (!made->from_file) {
        made->hba = rules_of(values.auth_method);
        return made;
    }
    auto tokens = read_hba_text(joined(values.hba_rules), "hba_rules", files);
    auto problems = std::move(tokens.problems);
    auto lines = std::move(tokens.lines);
    const auto read = [&](const std::string& path) {
        auto more = read_hba_file(path, files);
        std::ranges::move(more.problems, std::back_inserter(problems));
        return std::move(more.lines);
    };
    if (!values.hba_file.empty())
        std::ranges::move(read(values.hba_file), std::back_inserter(lines));
    made->hba = parse_hba(lines, method_of(values.auth_method), problems);
    if (!values.ident_file.empty()) made->maps = parse_ident(read(values.ident_file), problems);
    for (const auto& one : problems)
        if (one.is_harmless) made->warnings.push_back(one.text());
    std::erase_if(problems, [](const hba_problem& one) { return one.is_harmless; });
    if (made->hba.rules.empty() && problems.empty())
        problems.push_back({values.hba_file.empty() ? "hba_rules" : values.hba_file, 0,
                            "has no rule, so nobody could log in"});
    look_for_needs(values, *made, problems);
    if (problems.empty()) {
        look_for_surprises(values, *made);
        return made;
    }
    std::string text;
    for (const auto& one : problems)
        text += (text.empty() ? "" : "\n") + one.text();
    throw std::runtime_error{text};
}

hba_files files_on_disk() {
    return {&read_file, &list_folder};
}

} // namespace pgweir
