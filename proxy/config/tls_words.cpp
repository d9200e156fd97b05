// The words of TLS settings (see values.hpp): PostgreSQL's own.
#include "proxy/config/values.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::array<std::pair<std::string_view, tls_version>, 2> versions{
    {{"TLSv1.2", tls_version::tls_1_2}, {"TLSv1.3", tls_version::tls_1_3}}};
constexpr std::array<std::pair<std::string_view, tls_negotiation>, 2> negotiations{
    {{"postgres", tls_negotiation::postgres}, {"direct", tls_negotiation::direct}}};
constexpr std::array<std::pair<std::string_view, channel_binding_use>, 3> channel_binding_uses{
    {{"disable", channel_binding_use::disable},
     {"prefer", channel_binding_use::prefer},
     {"require", channel_binding_use::require}}};

} // namespace

word_list<tls_version> words_of(tls_version) {
    return versions;
}
word_list<tls_negotiation> words_of(tls_negotiation) {
    return negotiations;
}
word_list<channel_binding_use> words_of(channel_binding_use) {
    return channel_binding_uses;
}

} // namespace pgweir
