// Protocol-level prepared statements, followed by content: sessions name them as they like, server
// connections know them by names of our own that are never used twice. One store per worker; a
// statement lives as long as a session or a server connection holds it.
#pragma once

#include "sql/facts.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace pgweir {

/// What PostgreSQL looks at when it parses: names and values of run-time parameters, lower case.
using parse_parameters = std::map<std::string, std::string, std::less<>>;

/// The settings under which a statement is parsed.
struct parse_state {
    std::string_view key;                               // part of the statement's identity
    std::shared_ptr<const parse_parameters> parameters; // null: not known
    // NOLINTNEXTLINE(google-explicit-constructor)
    parse_state(std::string_view of, std::shared_ptr<const parse_parameters> these = nullptr)
        : key{of}, parameters{std::move(these)} {}
};

/// One distinct (text, parameter types, parse-time state). Immutable but for what is mutable, which
/// only the thread of its store uses.
struct prepared_statement {
    std::uint64_t id = 0;    // never used twice in a process
    std::string server_name; // what server connections call it
    std::string text;
    std::string types; // the tail of a Parse message: Int16 count and the type OIDs
    std::shared_ptr<const sql::query_facts> facts;
    /// What it was parsed under. A server makes constants of its literals then, so that it is
    /// prepared under the same on every other connection (RULES A1). Null: not known.
    std::shared_ptr<const parse_parameters> parsed_under;
    /// Its result's columns are settled for good when it is parsed: servers refuse to run it when
    /// they have changed.
    bool fixed_result = false;
    /// Catalog generation under which a server last accepted it; 0: none yet.
    mutable std::uint64_t proven_under = 0;
    /// Digest of the columns that some session was told (see `shape_of`); 0: none yet. A
    /// connection that prepares it afresh must find the same (RULES A12).
    mutable std::uint64_t shape = 0;
    /// Servers know other columns by now: whoever parses this text again gets a statement of its
    /// own.
    mutable bool outdated = false;

    [[nodiscard]] std::size_t bytes() const { return text.size() + types.size() + sizeof(*this); }
};

using prepared_ptr = std::shared_ptr<const prepared_statement>;

/// The prefix of all server-side names. A frontend's own statement of such a name is never looked
/// up on a server as it is.
inline constexpr std::string_view server_name_prefix = "pgweir_";

/// Interns statements of one worker.
class prepared_store {
public:
    explicit prepared_store(unsigned worker) : worker_{worker} {}

    /// The statement of this text, these types and this parse-time state: an existing one, else a
    /// new one. With `shared` false always a new one (its text holds a literal that PostgreSQL
    /// evaluates at Parse, such as 'now').
    [[nodiscard]] prepared_ptr intern(std::string_view text,
                                      std::string_view types,
                                      const parse_state& state,
                                      const std::shared_ptr<const sql::query_facts>& facts,
                                      bool shared);

    /// The shared statement of this identity, if it lives and is not outdated.
    [[nodiscard]] prepared_ptr
    find(std::string_view text, std::string_view types, std::string_view state) const;

    [[nodiscard]] std::size_t size() const { return known_.size(); }

private:
    void sweep();

    unsigned worker_;
    std::uint64_t last_ = 0;
    std::size_t next_sweep_ = 1024;
    std::unordered_map<std::string, std::weak_ptr<const prepared_statement>> known_;
};

/// Which statements one server connection has, least recently used last, bounded in bytes.
class prepared_set {
public:
    /// Marks it used; false if it is not there.
    [[nodiscard]] bool use(std::uint64_t id);
    void add(const prepared_ptr& statement);
    void remove(std::uint64_t id);
    void clear();
    template <class Visit> void each(Visit visit) const {
        for (const auto& statement : by_use_)
            visit(*statement);
    }
    /// The least recently used one while the set is above `limit` bytes, else null. Remove it after
    /// closing it.
    [[nodiscard]] prepared_ptr excess(std::size_t limit) const;
    [[nodiscard]] std::size_t size() const { return index_.size(); }

private:
    std::list<prepared_ptr> by_use_; // most recently used first
    std::unordered_map<std::uint64_t, std::list<prepared_ptr>::iterator> index_;
    std::size_t bytes_ = 0;
};

} // namespace pgweir
