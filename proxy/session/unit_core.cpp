#include "proxy/session/unit.hpp"

#include <algorithm>

namespace pgweir {

namespace {

bool belongs_in_unit(char type) {
    switch (type) {
    case 'Q':
    case 'P':
    case 'B':
    case 'D':
    case 'E':
    case 'C':
    case 'S':
    case 'H':
    case 'F':
        return true;
    default:
        return false;
    }
}

bool ends_unit(char type) {
    return type == 'Q' || type == 'S' || type == 'H' || type == 'F';
}

} // namespace

unit_scan scan_unit(std::string_view input, std::size_t limit, unit& out) {
    std::size_t at = 0;
    for (;;) {
        protocol::frame_header header;
        const auto rest = input.substr(at);
        const auto found = protocol::read_header(rest, header);
        if (found == protocol::frame_status::bad_length) return unit_scan::bad;
        if (found == protocol::frame_status::found && !belongs_in_unit(header.type)) {
            // Copy data or Terminate in the middle of a unit: what came before it goes first.
            if (at == 0) return unit_scan::bad;
            out.bytes = input.substr(0, at);
            return unit_scan::complete;
        }
        const bool whole = found == protocol::frame_status::found && header.size <= rest.size();
        if (!whole) {
            const auto needed = found == protocol::frame_status::found ? at + header.size : at;
            if (needed <= limit) return unit_scan::incomplete;
            if (!out.messages.empty()) {
                // What is complete goes first; the large message then starts a part of its own.
                out.bytes = input.substr(0, at);
                return unit_scan::complete;
            }
            // Names stand at the front of a message: wait for a good piece before it starts to
            // stream.
            if (rest.size() < std::min<std::uint64_t>(header.size, limit / 2))
                return unit_scan::incomplete;
            out.messages.push_back({header.type, 0, rest.size()});
            out.bytes = input;
            out.rest = header.size - rest.size();
            if (ends_unit(header.type)) out.end = header.type;
            return unit_scan::complete;
        }
        out.messages.push_back({header.type, at, static_cast<std::size_t>(header.size)});
        at += static_cast<std::size_t>(header.size);
        if (ends_unit(header.type)) {
            out.end = header.type;
            out.bytes = input.substr(0, at);
            return unit_scan::complete;
        }
    }
}

} // namespace pgweir
