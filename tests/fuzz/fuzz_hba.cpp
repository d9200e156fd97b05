// Any text as pg_hba.conf and as pg_ident.conf, and any client against what was understood of it.
#include "proxy/access/hba.hpp"
#include "proxy/access/ident_map.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>

using namespace pgweir;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text{reinterpret_cast<const char*>(data), size};
    hba_files files;
    files.read = [](const std::string& path) {
        return path.ends_with("x") ? hba_content{hba_content::state::read, "local @y all trust"}
                                   : hba_content{hba_content::state::missing, "none"};
    };
    files.list = [](const std::string&) { return hba_files::listing{{"x.conf", "y"}, {}}; };
    const auto tokens = read_hba_text(text, "/x", files);
    std::vector<hba_problem> problems;
    const auto rules = parse_hba(tokens.lines, login_method::md5, problems);
    const auto maps = parse_ident(tokens.lines, problems);
    if (rules.rules.size() > tokens.lines.size()) std::abort();
    const role_names roles{"ann", "dba"};
    hba_client client;
    client.address = *parse_host_address("10.0.0.1");
    client.user = "ann";
    client.database = text.substr(0, 40);
    hba_knowledge known;
    known.roles = &roles;
    known.host = host_name_answer{true, "db.example.com"};
    for (const bool local : {true, false}) {
        client.local = local;
        const auto choice = choose_rule(rules, client, known);
        if (choice.what != hba_choice::kind::rule && choice.what != hba_choice::kind::none)
            std::abort();
    }
    if (may_be(maps, "m", client.database, "ann", &roles) == name_match::depends_on_roles)
        std::abort();
    return 0;
}
