#include "proxy/net/pem.hpp"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <ctime>
#include <stdexcept>

namespace pgweir {

namespace {

bio_ptr reader_of(const std::string& text) {
    return bio_ptr{BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))};
}

/// PEM's end of input is an error like others; everything else is one that counts.
bool is_end_of_pem() {
    const auto error = ERR_peek_last_error();
    const bool is_end =
        ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
    if (is_end) ERR_clear_error();
    return is_end;
}

template <class Pointer, class Read>
std::vector<Pointer> read_all(const std::string& file, const std::string& text, Read read) {
    std::vector<Pointer> all;
    ERR_clear_error();
    const auto from = reader_of(text);
    for (;;) {
        Pointer next{read(from.get())};
        if (!next) break;
        all.push_back(std::move(next));
    }
    if (!is_end_of_pem())
        throw std::runtime_error{"cannot read " + file + ": " + take_openssl_error()};
    return all;
}

struct passphrase_request {
    const std::string* passphrase;
    bool was_asked = false;
};

int give_passphrase(char* to, int space, int, void* data) {
    auto& request = *static_cast<passphrase_request*>(data);
    request.was_asked = true;
    const auto size = std::min(request.passphrase->size(), static_cast<std::size_t>(space));
    std::memcpy(to, request.passphrase->data(), size);
    return size == 0 ? -1 : static_cast<int>(size);
}

} // namespace

std::vector<certificate_ptr> read_certificates(const std::string& file, const std::string& text) {
    auto all = read_all<certificate_ptr>(
        file, text, [](BIO* from) { return PEM_read_bio_X509(from, nullptr, nullptr, nullptr); });
    if (all.empty()) throw std::runtime_error{file + " holds no certificate"};
    return all;
}

std::vector<revocation_list_ptr> read_revocation_lists(const std::string& file,
                                                       const std::string& text) {
    return read_all<revocation_list_ptr>(file, text, [](BIO* from) {
        return PEM_read_bio_X509_CRL(from, nullptr, nullptr, nullptr);
    });
}

key_ptr read_private_key(const std::string& text, const std::string& passphrase) {
    ERR_clear_error();
    passphrase_request request{&passphrase};
    return key_ptr{
        PEM_read_bio_PrivateKey(reader_of(text).get(), nullptr, give_passphrase, &request)};
}

bool key_needs_passphrase(const std::string& text) {
    const std::string none;
    passphrase_request request{&none};
    const key_ptr read{
        PEM_read_bio_PrivateKey(reader_of(text).get(), nullptr, give_passphrase, &request)};
    ERR_clear_error();
    return request.was_asked;
}

key_ptr read_parameters(const std::string& text) {
    ERR_clear_error();
    return key_ptr{PEM_read_bio_Parameters(reader_of(text).get(), nullptr)};
}

std::int64_t expiry_of(const X509& certificate) {
    std::tm parts{};
    if (ASN1_TIME_to_tm(X509_get0_notAfter(&certificate), &parts) != 1) return 0;
    return ::timegm(&parts);
}

std::string take_openssl_error() {
    const auto error = ERR_get_error();
    const auto* const reason = ERR_reason_error_string(error);
    ERR_clear_error();
    return reason == nullptr ? "it is not what it should be" : reason;
}

} // namespace pgweir
