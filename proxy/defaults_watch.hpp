// ALTER ROLE … SET and its like change what server connections begin with: those that are open keep
// what they have, so they are not used for new leases any more. On the primary that is done at
// once; a standby goes on opening connections of the old kind until it has replayed the change, and
// is dealt with once more then. Pure; the server's, on the control thread.
#pragma once

#include "proxy/cluster/cluster_view.hpp"
#include "proxy/router/catalog.hpp"
#include "proxy/router/read_your_writes.hpp"
#include "proxy/router/wal_floor.hpp"
#include "sql/facts.hpp"

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

using default_changes = std::vector<sql::login_defaults>;

/// Logins of this user into this database begin with something else.
[[nodiscard]] bool
concern(const default_changes& what, std::string_view database, std::string_view user);

/// What differs between two reads of the same database's catalog, as far as that database goes.
[[nodiscard]] default_changes differences(const std::string& database,
                                          const std::vector<login_defaults_row>& before,
                                          const std::vector<login_defaults_row>& after);

class defaults_watch {
public:
    struct retirement {
        std::uint16_t node = 0;
        default_changes what;
    };

    /// Committed before look `look` ended.
    void changed(default_changes what, std::uint64_t look, bool asynchronous_commit_possible);
    /// Standbys that have replayed changes since the last view: what they had opened before is to
    /// be retired, before anybody sees this view.
    [[nodiscard]] std::vector<retirement> on_view(const cluster_view& view,
                                                  std::uint64_t looks_begun);

private:
    static constexpr std::size_t most_pending = 64; // beyond it the latest takes on more
    struct pending {
        session_floor floor;
        default_changes what;
        std::set<std::pair<std::uint16_t, std::uint64_t>> done; // nodes, with their role_epoch
        [[nodiscard]] bool is_done(const node_view& node) const {
            return node.is_vacant || done.contains({node.id, node.role_epoch});
        }
    };
    std::vector<pending> pending_;
    sample_history samples_;
};

} // namespace pgweir
