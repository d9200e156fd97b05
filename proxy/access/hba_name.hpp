// One word of the database or the user column of a rule, and whom it means. Pure. Source:
// PostgreSQL docs, auth-pg-hba-conf; hba.c (check_db, check_role).
#pragma once

#include "proxy/access/hba_pattern.hpp"
#include "proxy/access/hba_tokens.hpp"
#include "proxy/access/server_name.hpp"

#include <boost/system/result.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace pgweir {

/// The roles that a user is a member of, itself included, through others too; none if there is no
/// such user.
using role_names = std::set<std::string, std::less<>>;

struct hba_name {
    enum class kind : std::uint8_t {
        name,
        all,
        same_user,   // databases: that of the user's name
        same_role,   // databases: that of a role that the user is a member of
        replication, // databases: physical replication, which has none
        member_of,   // users: +role
        pattern,
    };
    kind what = kind::name;
    std::string text;
    std::shared_ptr<const hba_pattern> pattern;

    /// A plus sign alone names no role, and nobody is a member.
    [[nodiscard]] bool asks_roles() const {
        return what == kind::same_role || (what == kind::member_of && !text.empty());
    }
};

[[nodiscard]] boost::system::result<hba_name, std::string>
parse_database_name(const hba_token& token);
[[nodiscard]] boost::system::result<hba_name, std::string> parse_user_name(const hba_token& token);

enum class name_match : std::uint8_t { no, yes, depends_on_roles };

/// Names as the server sees them. `roles`: null while they have not been asked for.
[[nodiscard]] name_match
matches_user(const hba_name& one, std::string_view user, const role_names* roles);

} // namespace pgweir
