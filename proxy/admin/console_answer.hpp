// Messages that the console sends, made from its tables.
#pragma once

#include "proxy/admin/admin_tables.hpp"

#include <span>
#include <string>
#include <string_view>

namespace pgweir {

void append_row_description(std::string& out, std::span<const admin_column> columns);
void append_row(std::string& out, const admin_row& row);
void append_error(std::string& out, const admin_error& why, bool is_fatal = false);
void append_notice(std::string& out, std::string_view text);
void append_complete(std::string& out, std::string_view tag);
void append_ready(std::string& out);

} // namespace pgweir
