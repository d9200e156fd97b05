// The operator's own routing rules, in pgpool's terms: function lists, query patterns and redirect
// preferences. Compiled once from text; immutable and safe to share between threads.
#pragma once

#include <boost/system/result.hpp>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

/// Where a redirect preference sends reads.
enum class redirect_target : std::uint8_t { primary, standby, node };

struct redirect {
    redirect_target target = redirect_target::standby;
    std::uint16_t node = 0; // of redirect_target::node: its id
    double ratio = 1.0;     // share of the reads that follow the preference, 0 to 1
    friend bool operator==(const redirect&, const redirect&) = default;
};

/// One entry of a redirect list as settings give it.
struct redirect_rule {
    std::string pattern; // regular expression, matched whole
    std::string target;  // "primary", "standby" or a node's number
    double ratio = 1.0;
};

struct routing_policy_text {
    std::vector<std::string>
        read_only_functions; // regular expressions, matched whole, case-insensitive
    std::vector<std::string> write_functions;
    std::vector<std::string>
        primary_queries; // regular expressions, found anywhere, case-insensitive
    std::vector<redirect_rule> databases;
    std::vector<redirect_rule> users;
    std::vector<redirect_rule> applications;
};

/// Which entry is wrong, and why.
struct policy_error {
    std::string list;  // the setting's name
    std::string entry; // as written
    std::string why;
};

/// Splits pgpool's form of a pattern list: entries separated by `;`, a `\;` inside one is a
/// semicolon.
[[nodiscard]] std::vector<std::string> split_patterns(std::string_view text);

class pattern; // a compiled POSIX extended regular expression

class routing_policy {
public:
    ~routing_policy();
    routing_policy(routing_policy&&) noexcept;
    routing_policy& operator=(routing_policy&&) noexcept;

    [[nodiscard]] static boost::system::result<routing_policy, policy_error>
    compile(const routing_policy_text& text);

    /// Any function list given.
    [[nodiscard]] bool judges_functions() const { return !readers_.empty() || !writers_.empty(); }
    /// `name` with or without its schema. A writing function goes to the primary; a reading one is
    /// taken to be pure on the operator's word. What neither list names, the catalog judges.
    [[nodiscard]] bool is_writing_function(std::string_view name) const;
    [[nodiscard]] bool is_reading_function(std::string_view name) const;

    /// Any query pattern given.
    [[nodiscard]] bool judges_queries() const { return !queries_.empty(); }
    /// True if the whole query string belongs on the primary. Costs a regular expression per
    /// pattern: ask once per text, when its facts are found, and keep the answer beside them.
    [[nodiscard]] bool is_primary_query(std::string_view text) const;

    /// The preference for a session, asked once at its login: the application's wins over the
    /// database's, that over the user's, as in pgpool. Within a list the first match counts.
    [[nodiscard]] std::optional<redirect> preference(std::string_view database,
                                                     std::string_view user,
                                                     std::string_view application) const;

private:
    routing_policy();

    struct redirect_entry;
    using patterns = std::vector<pattern>;

    patterns readers_;
    patterns writers_;
    patterns queries_;
    std::vector<redirect_entry> databases_;
    std::vector<redirect_entry> users_;
    std::vector<redirect_entry> applications_;
};

} // namespace pgweir
