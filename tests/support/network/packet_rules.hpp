// Which packets between the members of a virtual network are dropped, and the same as text for nft.
// Pure.
#pragma once

#include <map>
#include <string>
#include <utility>

namespace pgweir::test {

class packet_rules {
public:
    static constexpr unsigned all = 1000; ///< per mille: a cut link

    /// Of 1000 packets from `from` to `to` that many are dropped; 0: none.
    void drop(const std::string& from, const std::string& to, unsigned per_mille);
    void clear() { dropped_.clear(); }
    [[nodiscard]] unsigned dropped(const std::string& from, const std::string& to) const;

    /// The rules that receiver `to` needs: what `nft -f -` takes to replace the ones before.
    /// `addresses`: member -> IPv4 address.
    [[nodiscard]] std::string script(const std::string& to,
                                     const std::map<std::string, std::string>& addresses) const;

private:
    std::map<std::pair<std::string, std::string>, unsigned> dropped_; // to, from
};

} // namespace pgweir::test
