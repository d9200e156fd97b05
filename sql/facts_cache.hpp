// Facts by query text. One per worker thread, no locks. Level one knows texts by their exact bytes;
// level two by their folded form (fold.hpp), so that statements which differ only in inert literals
// are parsed once.
#pragma once

#include "sql/clock_cache.hpp"
#include "sql/facts.hpp"
#include "sql/parse.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir::sql {

class facts_cache {
public:
    /// How often each way was taken since the start.
    struct counters {
        std::uint64_t exact_hits = 0;
        std::uint64_t folded_hits = 0;
        std::uint64_t parsed = 0;   // texts given to libpg_query
        std::uint64_t too_long = 0; // texts beyond the parse limit
        std::uint64_t refused = 0;  // of those parsed: texts that it could not make sense of
        std::uint64_t evictions = 0;
    };

    /// `max_bytes` bounds what both levels hold. The seed should be secret and differ per process:
    /// it keeps a client from crafting texts that meet in one bucket. Texts longer than
    /// `parse_limit` bytes are not looked at.
    facts_cache(std::size_t max_bytes,
                std::uint64_t seed,
                std::size_t parse_limit = default_parse_limit);

    /// Never null. The text must be in an encoding safe for servers and meant under
    /// standard_conforming_strings; hints in comments are not part of the answer
    /// (routing_hint.hpp).
    [[nodiscard]] std::shared_ptr<const query_facts> look_up(std::string_view text);

    [[nodiscard]] const counters& counts() const { return counts_; }
    [[nodiscard]] std::size_t bytes() const { return exact_.bytes() + folded_.bytes(); }

private:
    using facts_pointer = std::shared_ptr<const query_facts>;

    facts_pointer look_up_folded(std::string_view text);
    void remember_exact(std::uint64_t hash, std::string_view text, const facts_pointer& facts);
    [[nodiscard]] std::uint64_t hash_of(std::string_view text) const;

    clock_cache<facts_pointer> exact_;
    clock_cache<facts_pointer> folded_;
    std::vector<std::uint32_t>
        seen_;        // tags of texts met once: only a second look earns a place in level one
    std::string key_; // scratch for the folded form
    std::uint64_t seed_;
    std::size_t parse_limit_;
    facts_pointer unparsed_;
    counters counts_;
};

/// About how much memory facts take, in bytes.
[[nodiscard]] std::size_t footprint(const query_facts& facts);

} // namespace pgweir::sql
