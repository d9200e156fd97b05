// Runs a program to its end without blocking the thread: for what an operator has configured.
#pragma once

#include "proxy/asio.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pgweir {

struct child_outcome {
    std::string not_started;      // why; empty: it ran
    std::optional<int> exit_code; // none: ended by a signal, or not started
    int signal = 0;
    bool timed_out = false;
    std::string output; // the last lines of stdout and stderr
};

/// `arguments`: the program, looked for in PATH, and what it is given; no shell comes in between.
/// `environment` is added to pgweir's own. It gets no descriptor of pgweir's, reads nothing, and
/// runs in a process group of its own, which is told to end (SIGTERM, then SIGKILL) at `deadline`.
/// What it has left running in the background, in a session of its own, goes on.
[[nodiscard]] task<child_outcome>
run_child(io_executor executor,
          std::vector<std::string> arguments,
          std::vector<std::pair<std::string, std::string>> environment,
          std::chrono::steady_clock::time_point deadline);

} // namespace pgweir
