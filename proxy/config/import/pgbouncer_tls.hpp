// What PgBouncer's settings for TLS versions, ciphers and key exchange become.
#pragma once

#include "proxy/config/import/translation.hpp"

namespace pgweir {

/// False: the line is none of them.
[[nodiscard]] bool translate_pgbouncer_tls(const configuration_line& line, translation& made);

} // namespace pgweir
