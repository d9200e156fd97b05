// The rules that hold: those of hba_file or hba_rules with the maps of ident_file, or what
// auth_method says where there are none. Made anew by a reload, immutable; all workers share it.
#pragma once

#include "proxy/access/hba.hpp"
#include "proxy/access/hba_tokens.hpp"
#include "proxy/access/ident_map.hpp"
#include "proxy/config/settings.hpp"

#include <memory>
#include <string>
#include <vector>

namespace pgweir {

struct access_rules {
    hba_rules hba;
    ident_maps maps;
    bool from_file = false;            // false: auth_method alone, for everybody
    std::vector<std::string> warnings; // for the log
};

/// Throws std::runtime_error with every problem, one a line, each with its file and line.
[[nodiscard]] std::shared_ptr<const access_rules> load_access_rules(const settings& values,
                                                                    const hba_files& files);

/// The file system's files.
[[nodiscard]] hba_files files_on_disk();

} // namespace pgweir
