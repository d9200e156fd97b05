// pgpool's parameters that become no setting of pgweir, and why. Used by the translator only.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace pgweir {

/// When leaving a parameter out takes something away from somebody.
enum class asks_by : unsigned char {
    nothing,     // never
    being_on,    // when it is on
    being_given, // when it is not empty
};

struct unused_pgpool_parameters {
    std::string_view names; // separated by blanks; N at the end stands for a number
    asks_by asks = asks_by::nothing;
    std::string_view why;
};

[[nodiscard]] std::span<const unused_pgpool_parameters> unused_pgpool_parameter_groups();

/// The present name of a parameter that had another one once; the name itself otherwise.
[[nodiscard]] std::string_view present_pgpool_name(std::string_view name);

/// `backend_port12` is `backend_portN`; a name that ends with no number stays.
[[nodiscard]] std::string pgpool_name_pattern(std::string_view name);

} // namespace pgweir
