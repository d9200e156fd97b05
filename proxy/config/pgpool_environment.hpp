// The environment variables of the widely used pgpool image (PGPOOL_*), turned into pgweir's
// settings, so that a deployment can change the image and keep its manifest. NAME_FILE may hold
// NAME's value; an empty value is no value.
#pragma once

#include "proxy/config/draft.hpp"

namespace pgweir {

/// Does nothing unless a PGPOOL_* variable is there. Notes one line per obsolete variable
/// (information), per feature that does not exist (warning), and one warning for all unknown names.
void read_pgpool_environment(const environment_variables& environment, settings_draft& draft);

} // namespace pgweir
