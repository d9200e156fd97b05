#include "proxy/admin/admin_command.hpp"
#include "proxy/cluster/view_changes.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace pgweir {

namespace {

constexpr std::string_view see_help = "SHOW HELP lists what there is.";

struct token {
    std::string text;
    bool is_quoted = false;
};
using tokens = std::vector<token>;

std::string lower(std::string_view text) {
    std::string folded{text};
    for (auto& c : folded)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return folded;
}

bool is_blank(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r') || c == '\0';
}

/// Cuts a text into statements of tokens.
class lexer {
public:
    explicit lexer(std::string_view text) : rest_{text} {}

    /// False at the end of the text. `broken` is set when a quote or a comment does not end.
    bool next_statement(tokens& out) {
        out.clear();
        if (rest_.empty()) return false;
        while (skip_blanks()) {
            if (rest_.front() == ';') {
                rest_.remove_prefix(1);
                return true;
            }
            out.push_back(next_token());
            if (broken) return true;
        }
        return true;
    }
    bool broken = false;

private:
    bool skip_blanks() {
        for (;;) {
            while (!rest_.empty() && is_blank(rest_.front()))
                rest_.remove_prefix(1);
            if (rest_.starts_with("--"))
                rest_.remove_prefix(std::min(rest_.find('\n'), rest_.size()));
            else if (rest_.starts_with("/*"))
                skip_comment();
            else
                return !rest_.empty();
        }
    }
    void skip_comment() {
        const auto end = rest_.find("*/", 2);
        broken = broken || end == std::string_view::npos;
        rest_.remove_prefix(broken ? rest_.size() : end + 2);
    }
    token next_token() {
        const char first = rest_.front();
        if (first == '\'' || first == '"') return quoted(first);
        if (first == '=' || first == ',') {
            rest_.remove_prefix(1);
            return {std::string{first}, false};
        }
        const auto ends = [](char c) {
            return is_blank(c) || c == ';' || c == '\'' || c == '"' || c == '=' || c == ',';
        };
        // A comment ends a word too.
        const auto end =
            std::min({static_cast<std::size_t>(std::ranges::find_if(rest_, ends) - rest_.begin()),
                      rest_.find("--"), rest_.find("/*")});
        const auto size = std::min(end, rest_.size());
        token word{std::string{rest_.substr(0, size)}, false};
        rest_.remove_prefix(size);
        return word;
    }
    token quoted(char quote) {
        token made{{}, true};
        rest_.remove_prefix(1);
        while (!rest_.empty()) {
            const char c = rest_.front();
            rest_.remove_prefix(1);
            if (c != quote) {
                made.text += c;
            } else if (rest_.starts_with(quote)) {
                made.text += quote;
                rest_.remove_prefix(1);
            } else {
                return made;
            }
        }
        broken = true;
        return made;
    }

    std::string_view rest_;
};

/// What may follow a command's first word.
enum class takes : std::uint8_t { nothing, database, node, perhaps_node, client, mode };

struct command_row {
    std::string_view word;
    admin_word means;
    takes what;
    std::string_view tag;
};
constexpr std::array commands{
    command_row{"reload", admin_word::reload, takes::nothing, "RELOAD"},
    command_row{"pause", admin_word::pause, takes::database, "PAUSE"},
    command_row{"resume", admin_word::resume, takes::database, "RESUME"},
    command_row{"attach", admin_word::attach, takes::node, "ATTACH"},
    command_row{"detach", admin_word::detach, takes::node, "DETACH"},
    command_row{"drain", admin_word::drain, takes::node, "DRAIN"},
    command_row{"kill_client", admin_word::kill_client, takes::client, "KILL_CLIENT"},
    command_row{"reconnect", admin_word::reconnect, takes::database, "RECONNECT"},
    command_row{"switchover", admin_word::switchover, takes::perhaps_node, "SWITCHOVER"},
    command_row{"shutdown", admin_word::shutdown, takes::mode, "SHUTDOWN"},
};

constexpr std::array<std::pair<std::string_view, show_topic>, 12> topics{{
    {"pools", show_topic::pools},
    {"clients", show_topic::clients},
    {"servers", show_topic::servers},
    {"nodes", show_topic::nodes},
    {"config", show_topic::config},
    {"databases", show_topic::databases},
    {"users", show_topic::users},
    {"stats", show_topic::stats},
    {"lists", show_topic::lists},
    {"version", show_topic::version},
    {"state", show_topic::state},
    {"help", show_topic::help},
}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 8> parameters{{
    {"client_encoding", "UTF8"},
    {"datestyle", "ISO, MDY"},
    {"default_transaction_isolation", "read committed"},
    {"default_transaction_read_only", "off"},
    {"integer_datetimes", "on"},
    {"standard_conforming_strings", "on"},
    {"timezone", "UTC"},
    {"transaction_isolation", "read committed"},
}};

constexpr std::array<std::string_view, 12> driver_parameters{
    "application_name",    "bytea_output",      "client_encoding",
    "client_min_messages", "datestyle",         "extra_float_digits",
    "intervalstyle",       "lock_timeout",      "names",
    "search_path",         "statement_timeout", "timezone",
};

admin_error syntax_error(std::string message) {
    return {"42601", std::move(message), std::string{see_help}};
}

admin_statement parse_show(const tokens& words) {
    if (words.size() == 1) return syntax_error("SHOW needs to be told what to show");
    const auto name = lower(words[1].text);
    admin_command command;
    // SHOW TRANSACTION ISOLATION LEVEL and SHOW TIME ZONE are how some drivers ask.
    if (words.size() == 4 && name == "transaction" && lower(words[2].text) == "isolation")
        command.argument = "transaction_isolation";
    else if (words.size() == 3 && name == "time" && lower(words[2].text) == "zone")
        command.argument = "timezone";
    else if (words.size() == 2)
        command.argument = name;
    else
        return syntax_error("SHOW takes one word, not more");
    const auto found =
        std::ranges::find(topics, command.argument, &decltype(topics)::value_type::first);
    if (found != topics.end()) {
        command.topic = found->second;
        command.argument.clear();
        return command;
    }
    if (console_parameter(command.argument) == nullptr)
        return syntax_error("there is no SHOW \"" + words[1].text + "\"");
    command.topic = show_topic::parameter;
    return command;
}

admin_statement parse_set(const tokens& words) {
    std::size_t at = 1;
    if (words.size() > 2 && (lower(words[1].text) == "session" || lower(words[1].text) == "local"))
        at = 2;
    if (words.size() < at + 2) return syntax_error("SET needs a name and a value");
    admin_command command;
    command.word = admin_word::set;
    command.argument = lower(words[at].text);
    if (command.argument == "time" && lower(words[at + 1].text) == "zone")
        command.argument = "timezone";
    return command;
}

std::optional<shutdown_mode> mode_of(std::string_view word) {
    const auto folded = lower(word);
    if (folded == "wait_for_servers") return shutdown_mode::wait_for_servers;
    if (folded == "wait_for_clients") return shutdown_mode::wait_for_clients;
    return {};
}

admin_statement parse_command(const command_row& row, const tokens& words) {
    const auto name = std::string{row.tag};
    admin_command command;
    command.word = row.means;
    if (words.size() > 2) return syntax_error(name + " takes one argument at most");
    const bool given = words.size() == 2;
    if (given) command.argument = words[1].text;
    switch (row.what) {
    case takes::nothing:
        if (given) return syntax_error(name + " takes no argument");
        return command;
    case takes::database:
    case takes::perhaps_node:
        return command;
    case takes::node:
        if (command.argument.empty())
            return syntax_error(name + " needs a node: its number, 'host:port', or its host");
        return command;
    case takes::client:
        if (client_id_of(command.argument) == 0)
            return syntax_error(name + " needs a client's id, as SHOW CLIENTS has it");
        return command;
    case takes::mode:
        if (!given) return command;
        if (const auto mode = mode_of(command.argument)) {
            command.shutdown = *mode;
            return command;
        }
        return syntax_error(
            "SHUTDOWN is followed by WAIT_FOR_SERVERS, WAIT_FOR_CLIENTS, or nothing");
    }
    return command;
}

admin_statement parse_statement(const tokens& words) {
    const auto first = lower(words.front().text);
    if (!words.front().is_quoted) {
        if (first == "show" || first == "select") return parse_show(words);
        if (first == "set") return parse_set(words);
        const auto row = std::ranges::find(commands, first, &command_row::word);
        if (row != commands.end()) return parse_command(*row, words);
    }
    return syntax_error("unknown command \"" + words.front().text + "\"");
}

} // namespace

std::vector<admin_statement> parse_admin_text(std::string_view text) {
    std::vector<admin_statement> statements;
    lexer from{text};
    tokens words;
    while (from.next_statement(words)) {
        if (from.broken) {
            statements.emplace_back(syntax_error("a quoted text or a comment has no end"));
            break;
        }
        if (words.empty()) continue;
        statements.push_back(parse_statement(words));
        if (std::holds_alternative<admin_error>(statements.back())) break;
    }
    return statements;
}

std::string_view tag_of(const admin_command& command) noexcept {
    if (command.word == admin_word::show) return "SHOW";
    if (command.word == admin_word::set) return "SET";
    return std::ranges::find(commands, command.word, &command_row::means)->tag;
}

std::variant<std::uint16_t, admin_error> choose_node(const cluster_view& view,
                                                     std::string_view wanted) {
    if (const auto id = find_node(view, wanted)) return *id;
    const auto quoted = "\"" + std::string{wanted} + "\"";
    if (std::ranges::find(view.nodes, wanted, &node_view::host) != view.nodes.end())
        return admin_error{"42704", "several nodes are on host " + quoted,
                           "Say host:port or the node's number, as SHOW NODES has them."};
    return admin_error{"42704", "there is no node " + quoted, "SHOW NODES lists them."};
}

std::int32_t client_id_of(std::string_view text) noexcept {
    std::int32_t id = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), id);
    return ec == std::errc{} && end == text.data() + text.size() && id > 0 ? id : 0;
}

const std::string_view* console_parameter(std::string_view name) noexcept {
    const auto found =
        std::ranges::find(parameters, name, &decltype(parameters)::value_type::first);
    return found == parameters.end() ? nullptr : &found->second;
}

bool is_driver_parameter(std::string_view name) noexcept {
    return std::ranges::find(driver_parameters, name) != driver_parameters.end();
}

std::string_view admin_help() noexcept {
    return "pgweir console\n"
           "SHOW POOLS | CLIENTS | SERVERS | NODES | CONFIG | DATABASES | USERS | STATS | LISTS\n"
           "SHOW VERSION | STATE | HELP\n"
           "RELOAD                      read the settings anew\n"
           "PAUSE [database]            hand out no server connection, wait until none is in use\n"
           "RESUME [database]           hand them out again\n"
           "ATTACH node                 use a node again, whatever was seen of it\n"
           "DETACH node                 out of use now; what runs there is cut off\n"
           "DRAIN node                  out of use as what runs there ends\n"
           "SWITCHOVER [node]           hold all clients between transactions, run\n"
           "                            switchover_command, go on with the new primary\n"
           "RECONNECT [database]        replace server connections as they become free\n"
           "KILL_CLIENT id              end a client's session\n"
           "SHUTDOWN                    stop now\n"
           "SHUTDOWN WAIT_FOR_SERVERS | WAIT_FOR_CLIENTS\n"
           "                            stop when transactions have ended, at the latest after\n"
           "                            shutdown_timeout\n"
           "A node is its number, 'host:port', or its host.";
}

} // namespace pgweir
