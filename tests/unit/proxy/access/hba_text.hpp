// Files of rules that exist only in a test.
#pragma once

#include "proxy/access/hba_tokens.hpp"

#include <map>
#include <string>

namespace pgweir {

/// Reads and lists what `texts` has, by path; "!" as a text means that the file cannot be read.
inline hba_files files_of(std::map<std::string, std::string> texts) {
    hba_files files;
    files.read = [texts](const std::string& path) {
        const auto found = texts.find(path);
        if (found == texts.end())
            return hba_content{hba_content::state::missing, "No such file or directory"};
        if (found->second == "!")
            return hba_content{hba_content::state::unreadable, "Permission denied"};
        return hba_content{hba_content::state::read, found->second};
    };
    files.list = [texts](const std::string& folder) {
        hba_files::listing listed;
        for (const auto& [path, text] : texts)
            if (path.starts_with(folder + "/"))
                listed.names.push_back(path.substr(folder.size() + 1));
        if (listed.names.empty()) listed.problem = "No such file or directory";
        return listed;
    };
    return files;
}

} // namespace pgweir
