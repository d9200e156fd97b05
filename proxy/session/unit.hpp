// One unit: everything a client sends up to its Sync (or a simple Query, with any extended messages
// before it), and what is known about it before it goes anywhere. Views point into the session's
// input and hold until the unit is taken off it.
#pragma once

#include "protocol/frame.hpp"
#include "proxy/router/harmless.hpp"
#include "proxy/router/router.hpp"
#include "proxy/session/prepared_statements.hpp"
#include "sql/facts.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

struct unit_message {
    char type = 0;
    std::size_t offset = 0; // from the unit's start
    std::size_t size = 0;   // header included
};

struct unit {
    std::string_view bytes;
    std::vector<unit_message> messages;
    std::vector<std::shared_ptr<const sql::query_facts>>
        facts; // of every statement that it brings or uses

    std::vector<prepared_ptr> uses; // prepared before this unit, by the protocol
    struct own_name {
        std::string name; // of a protocol-level statement, as SQL in this unit calls it
        bool runs = false;
    };
    std::vector<own_name> own_names;
    std::string foreign_name; // of a statement as servers know it, said by SQL

    char end = 0;           // 'Q', 'S', 'F' or 'H'; 0: cut by the buffer limit
    std::uint64_t rest = 0; // bytes of its last message that have not arrived (it streams through)

    bool parse_only = true;      // nothing but Parse, Describe and Close of statements
    bool foreign_portal = false; // executes or describes a portal that it did not bind
    bool holds_portal = false;   // a row limit or a named portal: its server must stay
    bool unparsed = false;       // text that cannot be judged
    bool waits = false;          // uses a name whose fate is not known yet
    bool lists_names = false;    // reads pg_prepared_statements
    sql::routing_hint hint = sql::routing_hint::none;
    route_decision route;
    bool is_pure = false;           // all of it is proved to read only, wherever it goes
    bool may_read_standbys = false; // and may go to one, though the primary may answer instead
    session_risk risk;              // where it goes to the primary

    [[nodiscard]] bool is_simple() const {
        return messages.size() == 1 && messages.front().type == 'Q';
    }
    [[nodiscard]] bool is_whole() const {
        return rest == 0 && (end == 'Q' || end == 'S' || end == 'F');
    }
    /// The one statement of a unit that has one, else null.
    [[nodiscard]] const sql::statement_facts* single() const {
        if (facts.size() != 1 || facts.front()->statements.size() != 1) return nullptr;
        return &facts.front()->statements.front();
    }
    [[nodiscard]] std::string_view body(const unit_message& m) const {
        return bytes.substr(m.offset + protocol::frame_header::bytes,
                            m.size - protocol::frame_header::bytes);
    }

    void clear() {
        bytes = {};
        messages.clear();
        facts.clear();
        uses.clear();
        own_names.clear();
        foreign_name.clear();
        end = 0;
        rest = 0;
        parse_only = true;
        foreign_portal = holds_portal = unparsed = waits = false;
        lists_names = false;
        hint = sql::routing_hint::none;
        route = {};
        is_pure = may_read_standbys = false;
        risk = {};
    }
};

enum class unit_scan : std::uint8_t { complete, incomplete, bad };

/// Gathers the unit at the start of `input`. incomplete: more must arrive first. A unit that
/// exceeds `limit` bytes without an end is complete as far as it goes (end 0), its last message
/// possibly with a rest to come.
[[nodiscard]] unit_scan scan_unit(std::string_view input, std::size_t limit, unit& out);

} // namespace pgweir
