// Secrets that are over are overwritten before their memory is given back, so that neither a core
// dump nor a later owner of the memory finds them.
#pragma once

#include <openssl/crypto.h>

#include <string>
#include <utility>

namespace pgweir::protocol {

/// Overwrites the text and empties it.
inline void wipe(std::string& secret) noexcept {
    OPENSSL_cleanse(secret.data(), secret.size());
    secret.clear();
}

/// A text that is wiped when it goes.
class wiped_text {
public:
    wiped_text() = default;
    explicit wiped_text(std::string text) noexcept : text_{std::move(text)} {}
    ~wiped_text() { wipe(text_); }
    wiped_text(const wiped_text& other) = default;
    wiped_text& operator=(const wiped_text& other) {
        if (this != &other) {
            wipe(text_);
            text_ = other.text_;
        }
        return *this;
    }
    /// A short text stays in its place when it is moved from: it is wiped there.
    wiped_text(wiped_text&& other) noexcept : text_{std::move(other.text_)} {
        other.forget_moved();
    }
    wiped_text& operator=(wiped_text&& other) noexcept {
        if (this != &other) {
            wipe(text_);
            text_ = std::move(other.text_);
            other.forget_moved();
        }
        return *this;
    }

    [[nodiscard]] const std::string& text() const noexcept { return text_; }
    [[nodiscard]] bool empty() const noexcept { return text_.empty(); }

private:
    void forget_moved() noexcept {
        text_.resize(text_.capacity());
        wipe(text_);
    }

    std::string text_;
};

} // namespace pgweir::protocol
