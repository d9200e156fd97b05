// The groups that table.cpp puts together; each lives in its own table_*.cpp.
#pragma once

#include "proxy/config/table.hpp"

namespace pgweir {

extern const setting_group listening_group;
extern const setting_group cluster_group;
extern const setting_group pool_group;
extern const setting_group timeout_group;
extern const setting_group routing_group;
extern const setting_group memory_group;
extern const setting_group access_group;
extern const setting_group tls_group;
extern const setting_group logging_group;

} // namespace pgweir
