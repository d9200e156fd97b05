#include "sql/facts_cache.hpp"

#include "sql/classify.hpp"
#include "sql/fold.hpp"
#include "sql/scanner.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <utility>

namespace pgweir::sql {

namespace {

/// Texts up to this long have a place in level one; longer ones are looked for by their folded form
/// only.
constexpr std::size_t longest_exact_text = 8192;
constexpr std::size_t seen_texts = 4096;

/// Begins the key of a text that is not folded. No folded text begins with it.
constexpr char raw_key = '\x02';

std::size_t heap_bytes(const std::string& text) {
    return text.capacity() > 15 ? text.capacity() + 1 : 0;
}

std::size_t heap_bytes(const qualified_name& name) {
    return heap_bytes(name.schema) + heap_bytes(name.name);
}

std::size_t heap_bytes(const function_call& call) {
    return heap_bytes(call.name);
}

std::size_t heap_bytes(const session_effect& effect) {
    return heap_bytes(effect.name) + (effect.value ? heap_bytes(*effect.value) : 0);
}

/// All literals taken away, also those that mean something to the facts. What cannot be scanned
/// stays as it is.
std::string without_literals(std::string_view text) {
    std::string left;
    scanner scan{text};
    for (token t; scan.next(t);) {
        const bool is_literal = t.kind == token_kind::plain_string ||
                                t.kind == token_kind::other_string ||
                                t.kind == token_kind::integer || t.kind == token_kind::number;
        left += is_literal ? std::string_view{"0"} : scan.text_of(t);
        left += ' ';
    }
    return scan.failed() ? std::string{text} : left;
}

template <class T> std::size_t heap_bytes(const std::vector<T>& list) {
    std::size_t sum = list.capacity() * sizeof(T);
    for (const T& item : list)
        sum += heap_bytes(item);
    return sum;
}

} // namespace

std::size_t footprint(const query_facts& facts) {
    constexpr std::size_t control_block = 32;
    std::size_t sum =
        control_block + sizeof facts + facts.statements.capacity() * sizeof(statement_facts);
    for (const statement_facts& statement : facts.statements) {
        sum += heap_bytes(statement.relations) + heap_bytes(statement.functions) +
               heap_bytes(statement.operators) + heap_bytes(statement.types) +
               heap_bytes(statement.columns) + heap_bytes(statement.effects) +
               heap_bytes(statement.name) + heap_bytes(statement.executes) +
               heap_bytes(statement.routed_text) + heap_bytes(statement.block);
    }
    return sum;
}

facts_cache::facts_cache(std::size_t max_bytes, std::uint64_t seed, std::size_t parse_limit)
    : exact_{max_bytes / 4}, folded_{max_bytes - max_bytes / 4}, seen_(seen_texts), seed_{seed},
      parse_limit_{parse_limit}, unparsed_{std::make_shared<const query_facts>()} {}

std::uint64_t facts_cache::hash_of(std::string_view text) const {
    return XXH3_64bits_withSeed(text.data(), text.size(), seed_);
}

std::shared_ptr<const query_facts> facts_cache::look_up(std::string_view text) {
    if (text.size() > longest_exact_text) return look_up_folded(text);
    const std::uint64_t hash = hash_of(text);
    if (const facts_pointer* known = exact_.find(hash, text)) {
        ++counts_.exact_hits;
        return *known;
    }
    facts_pointer facts = look_up_folded(text);
    remember_exact(hash, text, facts);
    return facts;
}

facts_cache::facts_pointer facts_cache::look_up_folded(std::string_view text) {
    if (text.size() > parse_limit_) {
        ++counts_.too_long;
        return unparsed_;
    }
    if (!fold(text, key_)) {
        key_.assign(1, raw_key);
        key_ += text;
    }
    const std::uint64_t hash = hash_of(key_);
    if (const facts_pointer* known = folded_.find(hash, key_)) {
        ++counts_.folded_hits;
        return *known;
    }
    ++counts_.parsed;
    auto known_now = std::make_shared<query_facts>(classify(text, parse_limit_));
    if (!known_now->parsed) ++counts_.refused;
    known_now->fingerprint = hash_of(without_literals(text));
    facts_pointer facts = std::move(known_now);
    counts_.evictions += folded_.insert(hash, key_, facts, footprint(*facts));
    return facts;
}

/// Texts seen once stay out of level one: an application that writes values into its statements
/// would fill it with texts that never come again, at the cost of those that do.
void facts_cache::remember_exact(std::uint64_t hash,
                                 std::string_view text,
                                 const facts_pointer& facts) {
    std::uint32_t& tag = seen_[(hash >> 8) % seen_texts];
    const auto own = static_cast<std::uint32_t>(hash >> 32) | 1U;
    if (std::exchange(tag, own) != own) return;
    counts_.evictions += exact_.insert(hash, text, facts, footprint(*facts));
}

} // namespace pgweir::sql
