// The console's share of the extended protocol: enough for drivers that always use it. Commands
// take no parameters and answer in text.
#include "protocol/extended_query.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/admin/console.hpp"
#include "proxy/admin/console_answer.hpp"
#include "proxy/worker.hpp"

#include <algorithm>

namespace pgweir {

namespace {

constexpr std::size_t most_statements = 256;

admin_error no_such(std::string_view sqlstate, std::string_view what, std::string_view name) {
    return {std::string{sqlstate},
            std::string{what} + " \"" + std::string{name} + "\" does not exist", ""};
}

} // namespace

task<> console::answer_extended(char type, std::string body) {
    namespace ask = protocol::frontend_type;
    switch (type) {
    case ask::parse:
        on_parse(body);
        break;
    case ask::bind:
        on_bind(body);
        break;
    case ask::describe:
        on_describe(body);
        break;
    case ask::close:
        on_close(body);
        break;
    default:
        co_await on_execute(std::move(body));
    }
}

void console::fail_extended(admin_error why) {
    on_.counters().errors_from_proxy.add(why.sqlstate);
    append_error(out(), why);
    skipping_ = true;
}

void console::on_parse(std::string_view body) {
    const auto message = protocol::decode_parse_names(body);
    if (!message) return broken("invalid Parse message");
    if (!message->statement.empty() && statements_.contains(message->statement))
        return fail_extended({"42P05", "prepared statement already exists", ""});
    if (statements_.size() >= most_statements)
        return fail_extended({"54000", "too many prepared statements", ""});
    auto parsed = parse_admin_text(message->query);
    if (parsed.size() > 1)
        return fail_extended(
            {"42601", "cannot insert multiple commands into a prepared statement", ""});
    std::optional<admin_command> command;
    if (!parsed.empty()) {
        if (auto* const why = std::get_if<admin_error>(&parsed.front()))
            return fail_extended(std::move(*why));
        command = std::get<admin_command>(std::move(parsed.front()));
    }
    statements_.insert_or_assign(std::string{message->statement}, std::move(command));
    encode(protocol::parse_complete{}, out());
}

void console::on_bind(std::string_view body) {
    const auto message = protocol::decode_bind(body);
    if (!message) return broken("invalid Bind message");
    const auto statement = statements_.find(message->statement);
    if (statement == statements_.end())
        return fail_extended(no_such("26000", "prepared statement", message->statement));
    if (!message->parameters.empty())
        return fail_extended({"08P01", "commands of the console take no parameters", ""});
    const auto is_binary = [](std::int16_t format) { return format != 0; };
    if (std::ranges::any_of(message->result_formats, is_binary))
        return fail_extended(
            {"0A000", "the console answers in text format only", "Use the simple query protocol."});
    if (portals_.size() >= most_statements) return fail_extended({"54000", "too many portals", ""});
    portal made;
    made.command = statement->second;
    portals_.insert_or_assign(std::string{message->portal}, std::move(made));
    encode(protocol::bind_complete{}, out());
}

void console::describe_command(const std::optional<admin_command>& command) {
    if (command && has_rows(*command))
        append_columns_of(out(), *command);
    else
        encode(protocol::no_data{}, out());
}

void console::on_describe(std::string_view body) {
    const auto message = protocol::decode_describe(body);
    if (!message) return broken("invalid Describe message");
    if (message->target == protocol::target_kind::portal) {
        const auto found = portals_.find(message->name);
        if (found == portals_.end())
            return fail_extended(no_such("34000", "portal", message->name));
        return describe_command(found->second.command);
    }
    const auto found = statements_.find(message->name);
    if (found == statements_.end())
        return fail_extended(no_such("26000", "prepared statement", message->name));
    encode(protocol::parameter_description{}, out());
    describe_command(found->second);
}

void console::on_close(std::string_view body) {
    const auto message = protocol::decode_close(body);
    if (!message) return broken("invalid Close message");
    if (message->target == protocol::target_kind::portal) {
        const auto found = portals_.find(message->name);
        if (found != portals_.end()) portals_.erase(found);
    } else {
        const auto found = statements_.find(message->name);
        if (found != statements_.end()) statements_.erase(found);
    }
    encode(protocol::close_complete{}, out());
}

/// Portals keep what a row limit left over.
task<> console::on_execute(std::string body) {
    const auto message = protocol::decode_execute(body);
    if (!message) co_return broken("invalid Execute message");
    const auto found = portals_.find(message->portal);
    if (found == portals_.end())
        co_return fail_extended(no_such("34000", "portal", message->portal));
    auto& p = found->second;
    if (!p.command) {
        encode(protocol::empty_query_response{}, out());
        co_return;
    }
    if (!has_rows(*p.command)) {
        const bool well = co_await answer_one(*p.command, false);
        skipping_ = !well;
        co_return;
    }
    if (!p.has_run) {
        auto outcome = co_await carry_out(*p.command);
        if (outcome.error) co_return fail_extended(std::move(*outcome.error));
        p.rows = std::move(outcome.rows);
        p.has_run = true;
    }
    const auto left = p.rows.size() - p.next_row;
    const auto wanted = message->max_rows > 0 ? static_cast<std::size_t>(message->max_rows) : left;
    for (const auto end = p.next_row + std::min(left, wanted); p.next_row < end; ++p.next_row)
        append_row(out(), p.rows[p.next_row]);
    if (p.next_row < p.rows.size())
        encode(protocol::portal_suspended{}, out());
    else
        append_complete(out(), tag_of(*p.command));
}

} // namespace pgweir
