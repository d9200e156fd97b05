#include "protocol/frame.hpp"
#include "proxy/session/replication_mode.hpp"

#include <algorithm>
#include <array>

namespace pgweir {

std::optional<replication_mode> parse_replication(std::string_view value) {
    if (value == "database") return replication_mode::logical;
    // As parse_bool does: any unambiguous beginning, in any case.
    std::string word;
    for (const char c : value)
        word += static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
    struct spelling {
        std::string_view word;
        std::size_t shortest;
        bool means;
    };
    static constexpr std::array spellings{spelling{"true", 1, true},   spelling{"yes", 1, true},
                                          spelling{"on", 2, true},     spelling{"1", 1, true},
                                          spelling{"false", 1, false}, spelling{"no", 1, false},
                                          spelling{"off", 2, false},   spelling{"0", 1, false}};
    for (const auto& s : spellings)
        if (word.size() >= s.shortest && s.word.starts_with(word))
            return s.means ? replication_mode::physical : replication_mode::none;
    return std::nullopt;
}

void message_boundary::pass(std::string_view bytes) {
    while (!bytes.empty()) {
        if (left_ == 0) {
            const auto wanted = protocol::frame_header::bytes - header_.size();
            header_.append(bytes.substr(0, wanted));
            bytes.remove_prefix(std::min(wanted, bytes.size()));
            protocol::frame_header header;
            const auto found = protocol::read_header(header_, header);
            if (found == protocol::frame_status::incomplete) return;
            header_.clear();
            // Out of step: no boundary from here on.
            left_ = found == protocol::frame_status::found ? header.body_size() : UINT64_MAX;
            continue;
        }
        const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
        left_ -= n;
        bytes.remove_prefix(n);
    }
}

} // namespace pgweir
