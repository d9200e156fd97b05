#include "protocol/session_parameters.hpp"
#include "proxy/session/welcome.hpp"

#include <algorithm>

namespace pgweir {

welcome::welcome(const std::vector<std::pair<std::string, std::string>>& parameters,
                 clock::time_point learned,
                 bool read_committed_default)
    : learned_{learned}, read_committed_default_{read_committed_default} {
    for (const auto& [name, value] : parameters) {
        parameter one{name, to_lower(name), value, {}};
        encode(protocol::parameter_status{one.name, one.value}, one.message);
        messages_ += one.message;
        parameters_.push_back(std::move(one));
    }
}

void welcome::tell(const parameter_map& own, std::string& out) const {
    if (own.empty()) {
        out += messages_;
        return;
    }
    for (const auto& one : parameters_) {
        const auto asked = own.find(one.key);
        if (asked == own.end())
            out += one.message;
        else
            encode(protocol::parameter_status{one.name, asked->second}, out);
    }
}

std::optional<std::string_view> welcome::find(std::string_view name) const {
    const auto it = std::ranges::find(parameters_, name, &parameter::key);
    if (it == parameters_.end()) return std::nullopt;
    return it->value;
}

} // namespace pgweir
