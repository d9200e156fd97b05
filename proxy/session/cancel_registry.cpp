#include "proxy/session/cancel_registry.hpp"

#include "protocol/random.hpp"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstdlib>

namespace pgweir {

cancel_registry::padded_key::padded_key(std::string_view key) {
    const auto size = std::min(key.size(), long_key);
    std::copy_n(key.begin(), size, bytes.begin());
    // A key that is too long has the length of none that is given out.
    bytes[long_key] = static_cast<unsigned char>(key.size() > long_key ? 0xff : size);
}

cancel_registry::identity cancel_registry::add(unsigned worker, std::size_t key_size) {
    identity made;
    made.secret_key.resize(std::min(key_size, long_key));
    // Without randomness anybody could cancel anybody.
    if (!protocol::fill_random(made.secret_key)) std::abort();
    cancel_id id{instance_.load(), worker % cancel_id::max_workers, 0};
    const std::lock_guard guard{mutex_};
    // In turn, so that a late request does not meet a newcomer. A worker that has more sessions
    // than slots goes on with those of the next one.
    for (unsigned tried = 1;; ++tried) {
        auto& last = last_slot_[id.worker];
        last = last + 1 == cancel_id::slots ? 1 : last + 1;
        id.slot = last;
        made.process_id = id.process_id();
        if (entries_.try_emplace(made.process_id, padded_key{made.secret_key}, worker).second)
            return made;
        if (tried % cancel_id::slots == 0) id.worker = (id.worker + 1) % cancel_id::max_workers;
    }
}

void cancel_registry::remove(std::int32_t process_id) {
    const std::lock_guard guard{mutex_};
    entries_.erase(process_id);
}

std::optional<cancel_registry::target> cancel_registry::find(std::int32_t process_id,
                                                             std::string_view secret_key) const {
    static const padded_key nobodys{std::string_view{}};
    const padded_key given{secret_key};
    const std::lock_guard guard{mutex_};
    const auto it = entries_.find(process_id);
    const bool is_known = it != entries_.end();
    const auto& expected = is_known ? it->second.key : nobodys;
    const bool fits =
        CRYPTO_memcmp(expected.bytes.data(), given.bytes.data(), given.bytes.size()) == 0;
    if (!is_known || !fits) return std::nullopt;
    return target{it->second.worker, process_id};
}

} // namespace pgweir
