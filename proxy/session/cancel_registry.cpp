#include "proxy/session/cancel_registry.hpp"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <cstdlib>

namespace pgweir {

cancel_registry::identity cancel_registry::add(unsigned worker) {
    identity made;
    made.secret_key.resize(4);
    // Without randomness anybody could cancel anybody.
    if (RAND_bytes(reinterpret_cast<unsigned char*>(made.secret_key.data()), 4) != 1) std::abort();
    const std::lock_guard guard{mutex_};
    do {
        last_ = last_ == INT32_MAX ? 1 : last_ + 1;
    } while (entries_.contains(last_));
    made.process_id = last_;
    entries_[last_] = {made.secret_key, worker};
    return made;
}

void cancel_registry::remove(std::int32_t process_id) {
    const std::lock_guard guard{mutex_};
    entries_.erase(process_id);
}

std::optional<cancel_registry::target> cancel_registry::find(std::int32_t process_id,
                                                             std::string_view secret_key) const {
    const std::lock_guard guard{mutex_};
    const auto it = entries_.find(process_id);
    if (it == entries_.end() || it->second.key.size() != secret_key.size()) return std::nullopt;
    if (CRYPTO_memcmp(it->second.key.data(), secret_key.data(), secret_key.size()) != 0)
        return std::nullopt;
    return target{it->second.worker, process_id};
}

} // namespace pgweir
