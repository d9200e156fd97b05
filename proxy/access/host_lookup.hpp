// What rules may have to ask the system: the name of a client's address, the name of a system user,
// the networks of this machine. Names come from services that may hang, so they are asked on
// threads of their own.
#pragma once

#include "proxy/access/check_threads.hpp"
#include "proxy/access/hba_address.hpp"
#include "proxy/asio.hpp"

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace pgweir {

/// The name of a client's host that has the client's address among its own; not known after some
/// seconds. Comes back on `back`.
task<host_name_answer>
find_host_name(check_threads& threads, io_executor back, host_address client);

/// The name of a system user; empty: it has none, or it cannot be told. Comes back on `back`.
task<std::string> find_system_user(check_threads& threads, io_executor back, uid_t user);

/// Addresses and masks of the interfaces that are up; asks the kernel alone.
[[nodiscard]] std::vector<host_network> own_networks();

} // namespace pgweir
