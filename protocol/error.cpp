#include "protocol/error.hpp"

#include <string>

namespace pgweir::protocol {
namespace {

// Boost's base class has a protected, non-virtual destructor on purpose; g++ counts it as
// accessible here.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnon-virtual-dtor"
class decode_category_type final : public boost::system::error_category {
public:
    const char* name() const noexcept override { return "pgweir.decode"; }

    std::string message(int value) const override {
        switch (static_cast<decode_errc>(value)) {
        case decode_errc::short_body:
            return "message ends too early";
        case decode_errc::trailing_bytes:
            return "message has bytes after its last field";
        case decode_errc::bad_length:
            return "invalid length or count in message";
        case decode_errc::bad_value:
            return "invalid value in message";
        case decode_errc::unterminated_string:
            return "string without terminator in message";
        case decode_errc::missing_field:
            return "message lacks a required field";
        case decode_errc::too_long:
            return "message is longer than allowed";
        }
        return "unknown decoding error";
    }
};
#pragma GCC diagnostic pop

} // namespace

const boost::system::error_category& decode_category() noexcept {
    static const decode_category_type instance;
    return instance;
}

error_code make_error_code(decode_errc value) noexcept {
    return {static_cast<int>(value), decode_category()};
}

} // namespace pgweir::protocol
