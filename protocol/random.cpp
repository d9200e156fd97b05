#include "protocol/random.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

namespace pgweir::protocol {
namespace {

/// What a thread has in stock. What is given out is overwritten here at once.
class random_stock {
public:
    random_stock() = default;
    ~random_stock() { OPENSSL_cleanse(bytes_.data(), bytes_.size()); }
    random_stock(const random_stock&) = delete;
    random_stock& operator=(const random_stock&) = delete;

    bool take(std::span<unsigned char> out) noexcept {
        if (bytes_.size() - used_ < out.size()) {
            used_ = bytes_.size(); // whatever a failure leaves there
            if (RAND_bytes(bytes_.data(), static_cast<int>(bytes_.size())) != 1) return false;
            used_ = 0;
        }
        const auto from = std::span{bytes_}.subspan(used_, out.size());
        std::ranges::copy(from, out.begin());
        OPENSSL_cleanse(from.data(), from.size());
        used_ += out.size();
        return true;
    }
    static constexpr std::size_t size = 1024;

private:
    std::array<unsigned char, size> bytes_{};
    std::size_t used_ = size;
};

} // namespace

bool fill_random(std::span<unsigned char> out) noexcept {
    static thread_local random_stock stock;
    if (out.size() <= random_stock::size / 4) return stock.take(out);
    constexpr std::size_t largest = std::numeric_limits<int>::max();
    return out.size() <= largest && RAND_bytes(out.data(), static_cast<int>(out.size())) == 1;
}

} // namespace pgweir::protocol
