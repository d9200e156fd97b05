// pg_hba.conf: which clients may try to log in, and by which method they prove who they are. The
// first rule that fits decides; none means no. Pure and immutable; threads may share one. Source:
// PostgreSQL docs, auth-pg-hba-conf; hba.c (parse_hba_line, check_hba).
#pragma once

#include "proxy/access/hba_address.hpp"
#include "proxy/access/hba_name.hpp"
#include "proxy/access/hba_tokens.hpp"
#include "proxy/access/ldap_rule.hpp"
#include "proxy/access/login_method.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

enum class hba_type : std::uint8_t { local, host, hostssl, hostnossl, hostgssenc, hostnogssenc };

/// What a rule demands of a client's certificate beside its method. `verify_full`: it must name the
/// user, by the map.
enum class certificate_demand : std::uint8_t { none, verify_ca, verify_full };

struct hba_rule {
    hba_type type = hba_type::host;
    std::vector<hba_name> databases;
    std::vector<hba_name> users;
    hba_address address; // not for local
    login_method method = login_method::reject;
    certificate_demand certificate = certificate_demand::none;
    bool by_distinguished_name = false; // clientname=DN
    std::string map;                    // empty: both names must be the same
    std::string pam_service = "postgresql";
    bool pam_uses_host_name = false;
    std::shared_ptr<const ldap_rule> ldap; // for method ldap
    std::string file;
    std::size_t line = 0;

    /// "file:line", for logs.
    [[nodiscard]] std::string place() const { return file + ":" + std::to_string(line); }
};

struct hba_rules {
    std::vector<hba_rule> rules;

    /// What choosing may have to ask for.
    bool asks_roles = false;
    bool asks_own_networks = false;
};

/// All that is wrong is noted in `problems`. `general` is what the word `auth_method` stands for,
/// which is no method of PostgreSQL's.
[[nodiscard]] hba_rules parse_hba(std::span<const hba_line> lines,
                                  login_method general,
                                  std::vector<hba_problem>& problems);

/// A client that wants to log in, before it has proved anything.
struct hba_client {
    bool local = false; // by a Unix socket
    bool tls = false;
    host_address address; // not for local
    std::string_view database;
    std::string_view user;
    bool physical_replication = false;
};

/// What is known so far; only what a rule asks for needs to be.
struct hba_knowledge {
    const role_names* roles = nullptr;            // null: not asked for yet
    std::optional<host_name_answer> host;         // of the client's address
    std::span<const host_network> own_networks{}; // of this machine
};

struct hba_choice {
    enum class kind : std::uint8_t { rule, none, needs_roles, needs_host_name };
    kind what = kind::none;
    const hba_rule* rule = nullptr; // valid as long as the rules
};
/// Asks again with more knowledge as often as something is needed. A name service that could not
/// answer lets nobody in: a rule by host name fits then only if it rejects.
[[nodiscard]] hba_choice
choose_rule(const hba_rules& rules, const hba_client& client, const hba_knowledge& known);

} // namespace pgweir
