#include "proxy/asio.hpp"

#include <spdlog/spdlog.h>

#include <atomic>

namespace pgweir {

namespace {
std::atomic<std::uint64_t> escaped{0};
} // namespace

void report_escaped(const char* name, const std::exception_ptr& what) noexcept {
    escaped.fetch_add(1, std::memory_order_relaxed);
    try {
        std::rethrow_exception(what);
    } catch (const std::exception& e) {
        spdlog::error("internal error in {}: {}", name, e.what());
    } catch (...) {
        spdlog::error("internal error in {}", name);
    }
}

std::uint64_t internal_errors() noexcept {
    return escaped.load(std::memory_order_relaxed);
}

} // namespace pgweir
