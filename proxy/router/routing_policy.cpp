#include "proxy/router/routing_policy.hpp"

#include <regex.h>

#include <array>
#include <charconv>
#include <utility>

namespace pgweir {

/// POSIX regular expressions, as pgpool has them; std::regex recurses once per character, which a
/// long query text turns into a stack overflow.
class pattern {
public:
    enum class anchoring : std::uint8_t { whole, anywhere };

    [[nodiscard]] static boost::system::result<pattern, std::string>
    compile(const std::string& text, anchoring anchors) {
        if (text.find('\0') != std::string::npos) return std::string{"contains a zero byte"};
        const std::string anchored = anchors == anchoring::whole ? "^(" + text + ")$" : text;
        auto compiled = std::make_unique<regex_t>();
        const int failure =
            ::regcomp(compiled.get(), anchored.c_str(), REG_EXTENDED | REG_ICASE | REG_NOSUB);
        if (failure != 0) {
            std::array<char, 200> why{};
            ::regerror(failure, compiled.get(), why.data(), why.size());
            return std::string{why.data()};
        }
        return pattern{compiled_regex{compiled.release()}};
    }

    [[nodiscard]] bool matches(std::string_view text) const {
        regmatch_t range{};
        range.rm_so = 0;
        range.rm_eo = static_cast<regoff_t>(text.size());
        // NOLINTNEXTLINE(bugprone-suspicious-stringview-data-usage): REG_STARTEND gives the length
        return ::regexec(compiled_.get(), text.data(), 1, &range, REG_STARTEND) == 0;
    }

private:
    struct release {
        void operator()(regex_t* compiled) const {
            ::regfree(compiled);
            delete compiled;
        }
    };
    using compiled_regex = std::unique_ptr<regex_t, release>;
    explicit pattern(compiled_regex compiled) : compiled_{std::move(compiled)} {}

    compiled_regex compiled_;
};

struct routing_policy::redirect_entry {
    pattern name;
    redirect to;
};

namespace {

bool any_matches(const std::vector<pattern>& patterns, std::string_view text) {
    for (const pattern& one : patterns)
        if (one.matches(text)) return true;
    return false;
}

std::optional<policy_error> compile_list(const char* list,
                                         const std::vector<std::string>& texts,
                                         pattern::anchoring anchors,
                                         std::vector<pattern>& out) {
    for (const std::string& text : texts) {
        auto compiled = pattern::compile(text, anchors);
        if (!compiled) return policy_error{list, text, std::move(compiled).error()};
        out.push_back(std::move(*compiled));
    }
    return std::nullopt;
}

std::optional<redirect> parse_target(const redirect_rule& rule) {
    redirect to;
    to.ratio = rule.ratio;
    if (rule.target == "primary") {
        to.target = redirect_target::primary;
        return to;
    }
    if (rule.target == "standby") return to;
    to.target = redirect_target::node;
    const char* const end = rule.target.data() + rule.target.size();
    const auto [stop, failure] = std::from_chars(rule.target.data(), end, to.node);
    if (failure != std::errc{} || stop != end) return std::nullopt;
    return to;
}

template <class Entry>
std::optional<policy_error> compile_redirects(const char* list,
                                              const std::vector<redirect_rule>& rules,
                                              std::vector<Entry>& out) {
    for (const redirect_rule& rule : rules) {
        const std::string written = rule.pattern + ":" + rule.target;
        const auto to = parse_target(rule);
        if (!to)
            return policy_error{list, written,
                                "the target must be primary, standby or a node's number"};
        if (!(rule.ratio >= 0.0 && rule.ratio <= 1.0))
            return policy_error{list, written, "the ratio must be from 0 to 1"};
        auto name = pattern::compile(rule.pattern, pattern::anchoring::whole);
        if (!name) return policy_error{list, written, std::move(name).error()};
        out.push_back(Entry{std::move(*name), *to});
    }
    return std::nullopt;
}

template <class Entry>
std::optional<redirect> first_match(const std::vector<Entry>& entries, std::string_view name) {
    for (const Entry& entry : entries)
        if (entry.name.matches(name)) return entry.to;
    return std::nullopt;
}

} // namespace

std::vector<std::string> split_patterns(std::string_view text) {
    std::vector<std::string> patterns;
    std::string current;
    const auto finish = [&] {
        if (!current.empty()) patterns.push_back(std::exchange(current, {}));
    };
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\' && i + 1 < text.size()) {
            // Every other backslash belongs to the regular expression.
            if (text[i + 1] != ';') current += '\\';
            current += text[++i];
        } else if (text[i] == ';') {
            finish();
        } else {
            current += text[i];
        }
    }
    finish();
    return patterns;
}

routing_policy::routing_policy() = default;
routing_policy::~routing_policy() = default;
routing_policy::routing_policy(routing_policy&&) noexcept = default;
routing_policy& routing_policy::operator=(routing_policy&&) noexcept = default;

boost::system::result<routing_policy, policy_error>
routing_policy::compile(const routing_policy_text& text) {
    using enum pattern::anchoring;
    routing_policy policy;
    if (auto wrong = compile_list("read_only_function_list", text.read_only_functions, whole,
                                  policy.readers_))
        return *std::move(wrong);
    if (auto wrong =
            compile_list("write_function_list", text.write_functions, whole, policy.writers_))
        return *std::move(wrong);
    if (auto wrong = compile_list("primary_routing_query_pattern_list", text.primary_queries,
                                  anywhere, policy.queries_))
        return *std::move(wrong);
    if (auto wrong = compile_redirects("database_redirect_preference_list", text.databases,
                                       policy.databases_))
        return *std::move(wrong);
    if (auto wrong = compile_redirects("user_redirect_preference_list", text.users, policy.users_))
        return *std::move(wrong);
    if (auto wrong = compile_redirects("app_name_redirect_preference_list", text.applications,
                                       policy.applications_))
        return *std::move(wrong);
    return policy;
}

bool routing_policy::is_writing_function(std::string_view name) const {
    return any_matches(writers_, name);
}

bool routing_policy::is_reading_function(std::string_view name) const {
    return any_matches(readers_, name);
}

bool routing_policy::is_primary_query(std::string_view text) const {
    return any_matches(queries_, text);
}

std::optional<redirect> routing_policy::preference(std::string_view database,
                                                   std::string_view user,
                                                   std::string_view application) const {
    if (auto to = first_match(applications_, application)) return to;
    if (auto to = first_match(databases_, database)) return to;
    return first_match(users_, user);
}

} // namespace pgweir
