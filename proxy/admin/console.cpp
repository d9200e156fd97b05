#include "proxy/admin/console.hpp"

#include "protocol/message_type.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/admin/console_answer.hpp"
#include "proxy/worker.hpp"

#include <array>

namespace pgweir {

namespace {

constexpr std::size_t largest_message = 64UL * 1024;
constexpr std::chrono::milliseconds watch_interval{200};

admin_error shutting_down() {
    return {"57P01", "pgweir: terminating connection: the proxy is shutting down", ""};
}

} // namespace

bool has_rows(const admin_command& command) noexcept {
    return command.word == admin_word::switchover ||
           (command.word == admin_word::show && command.topic != show_topic::help);
}

void append_columns_of(std::string& out, const admin_command& command) {
    if (command.word == admin_word::switchover)
        return append_row_description(out, switchover_columns());
    if (command.topic != show_topic::parameter)
        return append_row_description(out, columns_of(command.topic));
    const std::array<admin_column, 1> named{{{command.argument, column_type::text}}};
    append_row_description(out, named);
}

console::console(admin_actions actions,
                 worker& on,
                 std::shared_ptr<stream> io,
                 std::string early,
                 bool may_command)
    : on_{on}, io_{io}, in_{io, largest_message, std::move(early)}, actions_{std::move(actions)},
      drained_{on.executor()}, watch_timer_{on.executor()}, may_command_{may_command} {
    io_->set_listener(this);
}

console::~console() {
    io_->set_listener(nullptr);
}

task<> console::serve(std::shared_ptr<console> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    spawn(self->on_.executor(), "console watch", watch(self));
    co_await self->run();
    self->ended_ = true;
    self->watch_timer_.cancel();
    self->io_->close_after_output();
}

/// Ends an idle console when the process stops, and one that waits for a peer who has gone.
task<> console::watch(std::shared_ptr<console> self) {
    co_await asio::this_coro::throw_if_cancelled(false);
    while (!self->ended_) {
        self->watch_timer_.expires_after(watch_interval);
        co_await self->watch_timer_.async_wait(nothrow);
        if (!self->io_->is_open()) self->drained_.wake();
        if (self->ended_ || !self->on_.shared().draining.load()) continue;
        append_error(self->out(), shutting_down(), true);
        self->io_->close_after_output();
        co_return;
    }
}

task<> console::run() {
    for (;;) {
        message_stream::message m;
        const auto ec = co_await in_.next(m);
        if (ec == asio::error::message_size) broken("invalid message length");
        if (ec) co_return;
        std::string body{m.body};
        const bool goes_on = co_await answer(m.type, std::move(body));
        if (!goes_on || !io_->is_open()) co_return;
        co_await drain_output();
    }
}

/// Waits until the operator has taken most of what was said.
task<> console::drain_output() {
    io_->flush();
    while (io_->is_open() && io_->congested())
        co_await drained_.wait();
}

task<bool> console::answer(char type, std::string body) {
    namespace ask = protocol::frontend_type;
    switch (type) {
    case ask::terminate:
        co_return false;
    case ask::query:
        skipping_ = false;
        co_await answer_query(std::move(body));
        co_return true;
    case ask::sync:
        skipping_ = false;
        portals_.clear();
        append_ready(out());
        co_return true;
    case ask::flush:
    case ask::copy_data:
    case ask::copy_done:
    case ask::copy_fail:
        co_return true;
    case ask::parse:
    case ask::bind:
    case ask::describe:
    case ask::execute:
    case ask::close:
        if (!skipping_) co_await answer_extended(type, std::move(body));
        co_return io_->is_open();
    case ask::function_call: {
        admin_error why{"0A000", "the console has no functions", ""};
        append_error(out(), why);
        append_ready(out());
        co_return true;
    }
    default:
        broken("unknown message type");
        co_return false;
    }
}

task<> console::answer_query(std::string body) {
    const auto query = protocol::decode_query(body);
    if (!query) co_return broken("invalid Query message");
    auto statements = parse_admin_text(query->text);
    if (statements.empty()) encode(protocol::empty_query_response{}, out());
    for (auto& one : statements) {
        if (const auto* const why = std::get_if<admin_error>(&one)) {
            on_.counters().errors_from_proxy.add(why->sqlstate);
            append_error(out(), *why);
            break;
        }
        const bool well = co_await answer_one(std::get<admin_command>(std::move(one)), true);
        if (!well) break;
    }
    append_ready(out());
}

/// All of a command's answer. False after an error.
task<bool> console::answer_one(admin_command command, bool describes) {
    const auto outcome = co_await carry_out(command);
    if (outcome.error) {
        on_.counters().errors_from_proxy.add(outcome.error->sqlstate);
        append_error(out(), *outcome.error);
        co_return false;
    }
    if (!outcome.notice.empty()) append_notice(out(), outcome.notice);
    if (describes && has_rows(command)) append_columns_of(out(), command);
    for (const auto& row : outcome.rows) {
        append_row(out(), row);
        if (io_->congested()) co_await drain_output();
    }
    append_complete(out(), tag_of(command));
    if (command.word != admin_word::shutdown) co_return true;
    io_->flush();
    actions_.shut_down(command.shutdown);
    co_return true;
}

task<admin_outcome> console::carry_out(admin_command command) {
    admin_outcome outcome;
    if (command.word != admin_word::show && command.word != admin_word::set && !may_command_) {
        outcome.error = admin_error{"42501", "permission denied: this user may only SHOW", ""};
        co_return outcome;
    }
    if (command.word == admin_word::set && !is_driver_parameter(command.argument)) {
        outcome.error = admin_error{"0A000", "settings cannot be changed here",
                                    "Change the settings file, then RELOAD."};
        co_return outcome;
    }
    if (command.word == admin_word::set || command.word == admin_word::shutdown) co_return outcome;
    if (command.word == admin_word::show && command.topic == show_topic::help) {
        outcome.notice = admin_help();
        co_return outcome;
    }
    if (command.word == admin_word::show && command.topic == show_topic::parameter) {
        admin_row row{std::string{*console_parameter(command.argument)}};
        outcome.rows.push_back(std::move(row));
        co_return outcome;
    }
    auto performing = actions_.perform(std::move(command));
    outcome = co_await std::move(performing);
    co_return outcome;
}

void console::broken(std::string_view what) {
    on_.counters().client_protocol_errors.add();
    append_error(out(), {"08P01", std::string{what}, ""}, true);
    io_->close_after_output();
}

} // namespace pgweir
