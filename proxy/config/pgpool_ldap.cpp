#include "proxy/config/pgpool_variables.hpp"

namespace pgweir {

std::string read_pgpool_ldap(pgpool_variables& from, settings_draft& draft) {
    if (from.take_switch("PGPOOL_ENABLE_LDAP").value_or(false)) {
        draft.warning(from.where("PGPOOL_ENABLE_LDAP"), "",
                      "LDAP is not provided; users need secrets that pgweir knows");
    }
    return {};
}

} // namespace pgweir
