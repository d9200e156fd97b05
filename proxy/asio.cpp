#include "proxy/asio.hpp"

#include <spdlog/spdlog.h>

namespace pgweir {

void report_escaped(const char* name, const std::exception_ptr& what) noexcept {
    try {
        std::rethrow_exception(what);
    } catch (const std::exception& e) {
        spdlog::error("internal error in {}: {}", name, e.what());
    } catch (...) {
        spdlog::error("internal error in {}", name);
    }
}

} // namespace pgweir
