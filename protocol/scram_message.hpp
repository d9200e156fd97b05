// The four SCRAM messages taken apart, with every length bounded. Views point into the message.
// Only scram.cpp and its tests need this. Source: RFC 5802, section 7; auth-scram.c.
#pragma once

#include "protocol/scram.hpp"

namespace pgweir::protocol {

struct client_first_message {
    bool says_y = false;           ///< could bind the channel but thinks that the backend cannot
    std::string_view binding_type; ///< empty: it does not bind
    std::string_view bare;
    std::string_view nonce;
};
struct server_first_message {
    std::string_view nonce;
    std::string_view salt; ///< base64
    std::string_view iterations;
};
struct client_final_message {
    std::string_view channel_binding; ///< base64
    std::string_view nonce;
    std::string_view proof; ///< base64
    std::string_view without_proof;
};
struct server_final_message {
    bool is_error = false;
    std::string_view value; ///< the signature in base64, or the error's name
};

/// Errors: malformed, extension_requested, authzid_requested.
[[nodiscard]] result<client_first_message> parse_client_first(std::string_view message);
/// Errors: malformed, extension_requested.
[[nodiscard]] result<server_first_message> parse_server_first(std::string_view message);
/// Errors: malformed.
[[nodiscard]] result<client_final_message> parse_client_final(std::string_view message);
/// Errors: malformed.
[[nodiscard]] result<server_final_message> parse_server_final(std::string_view message);

} // namespace pgweir::protocol
