// One database's catalog as the router needs it: which relations, functions, operators, types and
// casts are proved harmless on a standby. Immutable once built: the control thread builds it,
// workers read it through a shared_ptr.
#pragma once

#include "proxy/router/by_name.hpp"
#include "proxy/router/catalog.hpp"
#include "proxy/router/purity.hpp"
#include "sql/facts.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace pgweir {

class risk_index; // proxy/router/risk_index.hpp
class routing_policy;

class catalog {
public:
    /// What a name means; "pure" only if every meaning that the scope allows is proved. Unknown
    /// names are not.
    [[nodiscard]] judgement relation(const sql::qualified_name& name, name_scope scope) const;
    [[nodiscard]] judgement function(const sql::function_call& call, name_scope scope) const;
    /// Operators, types and columns are listed only where they are in doubt: what is not listed is
    /// PostgreSQL's own, proved, or an error on any server.
    [[nodiscard]] judgement operation(const sql::qualified_name& name, name_scope scope) const;
    [[nodiscard]] judgement type(const sql::qualified_name& name, name_scope scope) const;
    [[nodiscard]] judgement column(const std::string& name, name_scope scope) const;
    /// A cast that applies unseen and is not proved puts every statement in doubt.
    [[nodiscard]] judgement unseen_casts() const;

    /// A function of this name that did not come with PostgreSQL.
    [[nodiscard]] bool has_own_function(const std::string& name) const {
        return functions_.contains(name);
    }

    /// What names may do to a session out of sight.
    [[nodiscard]] const risk_index& risks() const { return *risks_; }

    /// ALTER ROLE and ALTER DATABASE … SET, and the configuration files, as they were.
    [[nodiscard]] const std::vector<login_defaults_row>& login_defaults() const {
        return login_defaults_;
    }

    [[nodiscard]] const std::string& database() const { return database_; }
    [[nodiscard]] std::uint32_t server_version() const { return server_version_; }

private:
    friend class catalog_builder;

    struct relation_entry {
        std::string schema;
        route_reason reason = route_reason::pure_read;
        std::string why; // name, and what in its definition decided
    };
    struct function_entry {
        std::string schema;
        unsigned least = 0; // arguments
        unsigned most = 0;
        route_reason reason = route_reason::pure_read;
        std::string why;
    };
    struct doubt {
        std::string schema;
        std::string why;
    };

    [[nodiscard]] static judgement
    find_doubt(const by_name<doubt>& doubts, const sql::qualified_name& name, name_scope scope);

    std::string database_;
    std::uint32_t server_version_ = 0;
    std::shared_ptr<const routing_policy> policy_;
    std::shared_ptr<const risk_index> risks_; // never null once built
    by_name<relation_entry> relations_;
    by_name<function_entry> functions_;
    by_name<doubt> operators_;
    by_name<doubt> types_;
    by_name<doubt> columns_;
    std::vector<login_defaults_row> login_defaults_;
    std::string unseen_cast_; // why; empty: none in doubt
};

/// Parses definitions; sql::classify unless told otherwise.
using definition_parser = std::function<sql::query_facts(std::string_view)>;

/// Judges all rows. Pure; never throws for their contents: a definition that does not parse is in
/// doubt. `policy` (may be null) is kept by the catalog: its function lists win over what the
/// catalog says.
[[nodiscard]] std::shared_ptr<const catalog>
build_catalog(const catalog_rows& rows, std::shared_ptr<const routing_policy> policy = nullptr);
[[nodiscard]] std::shared_ptr<const catalog>
build_catalog(const catalog_rows& rows,
              std::shared_ptr<const routing_policy> policy,
              const definition_parser& parse);

} // namespace pgweir
