// What a session has sent and what follows from it once the server has answered.
#pragma once

#include "proxy/session/prepared_statements.hpp"

#include <cstdint>
#include <string>

namespace pgweir {

/// What an expectation's tag means when the entry ends.
struct pending_change {
    enum kind : std::uint8_t {
        parse,
        parse_known,
        parse_again,
        close_statement,
        deallocate,
        forget_all,
        evict,
        parse_own,    // under the client's own name, where names are shown
        learn,        // a Describe tells the statement's columns
        verify,       // … and they must be those that are known
        verify_parse, // the same, behind a Parse of the client's own
    } what = parse;
    std::string name;
    prepared_ptr statement;
    std::uint64_t number = 0;
    bool overtaken = false; // of the unnamed statement: something behind it destroys it
};

} // namespace pgweir
