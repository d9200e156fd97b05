// pg_ident.conf: which database users somebody may be whom the system (or a certificate) knows by
// another name. Pure and immutable; threads may share one. Source: PostgreSQL docs,
// auth-username-maps; hba.c (parse_ident_line, check_ident_usermap).
#pragma once

#include "proxy/access/hba_name.hpp"
#include "proxy/access/hba_tokens.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct ident_line {
    std::string map;
    std::string system_user;
    std::shared_ptr<const hba_pattern> pattern; // null: system_user is compared as it is
    hba_name user;
    /// `user` has a \1, for what the pattern's first group has found; it is a name then, whatever
    /// it spells.
    bool takes_group = false;
};

struct ident_maps {
    std::vector<ident_line> lines;
    bool asks_roles = false;

    [[nodiscard]] bool has(std::string_view map) const;
};

/// All that is wrong is noted in `problems`.
[[nodiscard]] ident_maps parse_ident(std::span<const hba_line> lines,
                                     std::vector<hba_problem>& problems);

/// Whether `system_user` may log in as `user`. With no map: if both names are the same.
/// `roles`: of `user`; null while they have not been asked for.
[[nodiscard]] name_match may_be(const ident_maps& maps,
                                std::string_view map,
                                std::string_view system_user,
                                std::string_view user,
                                const role_names* roles);

} // namespace pgweir
