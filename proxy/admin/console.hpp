// One console: reads an operator's messages and answers them, simple or extended protocol. Lives on
// one worker, kept alive by its coroutines.
#pragma once

#include "proxy/admin/admin_actions.hpp"
#include "proxy/admin/admin_command.hpp"
#include "proxy/asio.hpp"
#include "proxy/net/message_stream.hpp"
#include "proxy/net/stream.hpp"

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pgweir {

class server;
class worker;

class console final : public stream::listener {
public:
    /// `early`: what came behind the login. `may_command`: else SHOW only.
    console(admin_actions actions,
            worker& on,
            std::shared_ptr<stream> io,
            std::string early,
            bool may_command);
    ~console();
    console(const console&) = delete;
    console& operator=(const console&) = delete;

    /// Until the peer leaves, sends what is no protocol, or the process stops. `self` keeps it.
    static task<> serve(std::shared_ptr<console> self);

    // stream::listener
    void on_drained() override { drained_.wake(); }

private:
    /// What an unnamed or named portal has left to give.
    struct portal {
        std::optional<admin_command> command; // none: an empty text
        bool has_run = false;
        std::vector<admin_row> rows;
        std::size_t next_row = 0;
    };

    static task<> watch(std::shared_ptr<console> self);
    task<> run();
    task<bool> answer(char type, std::string body);
    task<> answer_query(std::string body);
    task<bool> answer_one(admin_command command, bool describes);
    task<admin_outcome> carry_out(admin_command command);
    task<> drain_output();

    // console_extended.cpp
    task<> answer_extended(char type, std::string body);
    void on_parse(std::string_view body);
    void on_bind(std::string_view body);
    void on_describe(std::string_view body);
    void on_close(std::string_view body);
    task<> on_execute(std::string body);
    void describe_command(const std::optional<admin_command>& command);
    void fail_extended(admin_error why);

    void broken(std::string_view what);
    [[nodiscard]] std::string& out() { return io_->out(); }

    worker& on_;
    std::shared_ptr<stream> io_;
    message_stream in_;
    admin_actions actions_;
    wake_signal drained_;
    steady_timer watch_timer_;
    std::map<std::string, std::optional<admin_command>, std::less<>> statements_;
    std::map<std::string, portal, std::less<>> portals_;
    bool may_command_;
    bool skipping_ = false; // after an error of the extended protocol, up to Sync
    bool ended_ = false;
};

/// Columns of a command's answer; empty if it answers without rows.
void append_columns_of(std::string& out, const admin_command& command);
[[nodiscard]] bool has_rows(const admin_command& command) noexcept;

} // namespace pgweir
