// Starts a program that an operator has configured, apart from pgweir: in a process group of its
// own, with nothing to read and without any descriptor of ours but those it is given.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace pgweir {

/// `arguments`: the program, looked for in PATH, and what it is given. `environment`: all of it, as
/// NAME=value. Its stdout goes to `output`, its stderr to `errors` (STDERR_FILENO: to ours).
/// Returns 0, or the error's number. SIGPIPE stays ignored: the end of pgweir must not end a
/// command half way.
[[nodiscard]] int start_child(pid_t& child,
                              std::vector<std::string> arguments,
                              std::vector<std::string> environment,
                              int output,
                              int errors);

/// pgweir's own, in that form.
[[nodiscard]] std::vector<std::string> own_environment();

} // namespace pgweir
