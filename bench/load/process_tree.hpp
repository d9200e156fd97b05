// CPU time and memory of processes and all their descendants, read from /proc. A proxy that forks
// (pgpool) is then counted whole, and threads are counted with their process.
#pragma once

#include <sys/types.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <system_error>
#include <vector>

namespace pgweir::bench {

/// Microseconds. Children that have ended are in their parent's figure (cutime, cstime), so a
/// difference of two samples is right even if a child ended in between.
struct cpu_usage {
    double user_us = 0;
    double system_us = 0;
};

/// Bytes. RSS counts pages that processes share in each of them, `unshared` in none.
struct memory_usage {
    std::int64_t rss = 0;
    std::vector<std::int64_t> unshared; // of each process, without those that may not be looked at
};

/// The fields of /proc/PID/stat after the command name (which may hold blanks and parentheses);
/// empty if there is no such process. Source: man 5 proc.
[[nodiscard]] inline std::vector<std::string> stat_fields(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string line;
    std::getline(in, line);
    const auto end = line.rfind(')');
    if (end == std::string::npos) {
        return {};
    }
    std::istringstream rest(line.substr(end + 1));
    std::vector<std::string> fields;
    for (std::string field; rest >> field;) {
        fields.push_back(field);
    }
    return fields;
}

/// `roots` and every process below them, as of now.
[[nodiscard]] inline std::set<pid_t> with_descendants(const std::vector<pid_t>& roots) {
    std::multimap<pid_t, pid_t> children;
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
        const auto pid =
            static_cast<pid_t>(std::strtol(entry.path().filename().c_str(), nullptr, 10));
        const auto fields = pid > 0 ? stat_fields(pid) : std::vector<std::string>{};
        if (fields.size() > 1) {
            children.emplace(static_cast<pid_t>(std::stol(fields[1])), pid);
        }
    }
    std::set<pid_t> found;
    std::vector<pid_t> todo(roots);
    while (!todo.empty()) {
        const pid_t pid = todo.back();
        todo.pop_back();
        if (found.insert(pid).second) {
            const auto [first, last] = children.equal_range(pid);
            for (auto it = first; it != last; ++it) {
                todo.push_back(it->second);
            }
        }
    }
    return found;
}

[[nodiscard]] inline cpu_usage cpu_of(const std::vector<pid_t>& roots) {
    static const double us_per_tick = 1e6 / static_cast<double>(sysconf(_SC_CLK_TCK));
    cpu_usage sum;
    for (const pid_t pid : with_descendants(roots)) {
        const auto fields = stat_fields(pid); // [0] is field 3 of the manual page; utime is 14
        if (fields.size() > 14) {
            sum.user_us += (std::stod(fields[11]) + std::stod(fields[13])) * us_per_tick;
            sum.system_us += (std::stod(fields[12]) + std::stod(fields[14])) * us_per_tick;
        }
    }
    return sum;
}

/// Value in bytes of a "Name:  123 kB" line; -1 if the file or the line is not there.
[[nodiscard]] inline std::int64_t kib_line(const std::string& path, const std::string& name) {
    std::ifstream in(path);
    for (std::string line; std::getline(in, line);) {
        if (line.starts_with(name + ":")) {
            return std::strtoll(line.c_str() + name.size() + 1, nullptr, 10) * 1024;
        }
    }
    return -1;
}

[[nodiscard]] inline memory_usage memory_of(const std::vector<pid_t>& roots) {
    memory_usage sum;
    for (const pid_t pid : with_descendants(roots)) {
        const auto base = "/proc/" + std::to_string(pid);
        const auto rss = kib_line(base + "/status", "VmRSS");
        const auto clean = kib_line(base + "/smaps_rollup", "Private_Clean");
        const auto dirty = kib_line(base + "/smaps_rollup", "Private_Dirty");
        sum.rss += rss > 0 ? rss : 0;
        if (clean >= 0 && dirty >= 0) {
            sum.unshared.push_back(clean + dirty);
        }
    }
    return sum;
}

} // namespace pgweir::bench
