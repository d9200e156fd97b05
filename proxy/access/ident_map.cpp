#include "proxy/access/ident_map.hpp"

#include <algorithm>
#include <optional>

namespace pgweir {

namespace {

constexpr std::string_view group_reference = "\\1";

std::optional<ident_line> parse_line(const hba_line& line, std::vector<hba_problem>& problems) {
    const auto wrong = [&](std::string what) {
        problems.push_back({line.file, line.line, std::move(what)});
        return std::nullopt;
    };
    const auto surprising = [&](std::string what) {
        problems.push_back({line.file, line.line, std::move(what), true});
    };
    if (line.fields.size() < 3)
        return wrong("must have three fields: map, system user name, database user name");
    for (const auto& field : std::span{line.fields}.first<3>())
        if (field.size() != 1) return wrong("has more than one word in a field");
    if (line.fields.size() > 3) surprising("has more than three fields: the rest does not count");
    ident_line made;
    made.map = line.fields[0].front().text;
    made.system_user = line.fields[1].front().text;
    auto user = parse_user_name(line.fields[2].front());
    if (!user) return wrong(user.error());
    made.user = std::move(*user);
    if (!made.system_user.starts_with('/')) return made;
    auto pattern = hba_pattern::compile(std::string_view{made.system_user}.substr(1));
    if (!pattern) return wrong(pattern.error());
    made.takes_group = made.user.what == hba_name::kind::name &&
                       made.user.text.find(group_reference) != std::string::npos;
    if (made.takes_group && pattern->groups() == 0)
        surprising("\"" + made.system_user + "\" has no parentheses for the \\1 in \"" +
                   made.user.text + "\": nobody comes in by it");
    made.pattern = std::make_shared<const hba_pattern>(std::move(*pattern));
    return made;
}

/// By what a line says that cannot be, nobody comes in, whatever the lines behind it say.
bool ends_search(const ident_line& line, std::string_view system_user) {
    return line.takes_group && line.pattern->groups() == 0 &&
           line.pattern->search(system_user).has_value();
}

name_match fits(const ident_line& line,
                std::string_view system_user,
                std::string_view user,
                const role_names* roles) {
    if (!line.pattern)
        return line.system_user == system_user ? matches_user(line.user, user, roles)
                                               : name_match::no;
    const auto found = line.pattern->search(system_user);
    if (!found) return name_match::no;
    if (!line.takes_group) return matches_user(line.user, user, roles);
    auto expected = line.user.text;
    expected.replace(expected.find(group_reference), group_reference.size(), found->first_group);
    return expected == user ? name_match::yes : name_match::no;
}

} // namespace

bool ident_maps::has(std::string_view map) const {
    return std::ranges::any_of(lines, [&](const ident_line& one) { return one.map == map; });
}

ident_maps parse_ident(std::span<const hba_line> lines, std::vector<hba_problem>& problems) {
    ident_maps made;
    for (const auto& line : lines) {
        auto one = parse_line(line, problems);
        if (!one) continue;
        made.asks_roles = made.asks_roles || one->user.asks_roles();
        made.lines.push_back(std::move(*one));
    }
    return made;
}

name_match may_be(const ident_maps& maps,
                  std::string_view map,
                  std::string_view system_user,
                  std::string_view user,
                  const role_names* roles) {
    // Nobody is somebody by an empty name.
    if (system_user.empty()) return name_match::no;
    user = as_server_sees(user);
    if (map.empty()) return system_user == user ? name_match::yes : name_match::no;
    auto all = name_match::no;
    for (const auto& line : maps.lines) {
        if (line.map != map) continue;
        if (ends_search(line, system_user)) return name_match::no;
        const auto found = fits(line, system_user, user, roles);
        if (found == name_match::yes) return found;
        if (found == name_match::depends_on_roles) all = found;
    }
    return all;
}

} // namespace pgweir
