#include "tests/chaos/chaos_client.hpp"

namespace pgweir::test {

namespace {

constexpr std::chrono::milliseconds answer_limit = std::chrono::seconds{60};

std::string two_digits(int value) {
    return (value < 10 ? "0" : "") + std::to_string(value);
}

std::string describe_messages(const std::vector<wire_message>& messages) {
    std::string text = "[" + letters(messages) + "]";
    for (const auto& value : first_columns(messages))
        text += " row \"" + value + "\"";
    if (const auto* error = find(messages, 'E'))
        text += " error " + field(*error, 'C') + " " + field(*error, 'M');
    return text;
}

} // namespace

chaos_client::chaos_client(int port, int number, unsigned seed, tally& counts, lock_watch& locks)
    : port_{port}, number_{number}, random_{seed}, counts_{counts}, locks_{locks},
      cancels_{number % 4 == 0} {}

int chaos_client::random_up_to(int most) {
    return std::uniform_int_distribution<int>{0, most}(random_);
}

std::string chaos_client::token() {
    return "tk-" + std::to_string(number_) + "-" + std::to_string(++sequence_) + "-" +
           std::to_string(random_up_to(1'000'000));
}

void chaos_client::connect() {
    prepared_.clear();
    const int west = random_up_to(11);
    // Etc/GMT+5 lies five hours west of Greenwich.
    hour_ = two_digits((24 - west) % 24);
    wire_.emplace(port_);
    const auto messages = wire_->login(
        accounts::app, "app",
        {{"TimeZone", "Etc/GMT+" + std::to_string(west)}, {"application_name", "chaos"}});
    if (statuses(messages) != "I") {
        counts_.wrong("login: " + describe_messages(messages));
        wire_.reset();
    }
}

void chaos_client::lost() {
    wire_.reset();
    ++counts_.reconnects;
}

void chaos_client::run(const std::atomic<bool>& stop) {
    while (!stop) {
        try {
            if (!wire_) connect();
            if (wire_) one_action();
        } catch (const std::runtime_error& error) {
            counts_.wrong(std::string{"client: "} + error.what());
            lost();
        }
    }
    if (wire_) wire_->send(wire::terminate());
}

void chaos_client::one_action() {
    const int choice = random_up_to(99);
    if (choice < 60) return ask({random_unit()});
    if (choice < 75) return pipeline();
    if (choice < 82) return block();
    if (choice < 87) return prepare_or_close();
    if (choice < 91) return flush_then_sync();
    if (choice < 95) return cancels_ ? cancelled_query() : ask({timeout_unit()});
    if (choice < 98) return die_somewhere();
    die_holding_a_lock();
}

chaos_client::unit chaos_client::random_unit() {
    switch (random_up_to(7)) {
    case 0:
        return failing_unit();
    case 1:
        return zoned_unit();
    case 2:
        return writing_unit();
    case 3:
    case 4:
        return extended_unit();
    case 5:
        if (auto prepared = prepared_unit()) return *prepared;
        return simple_unit();
    default:
        return simple_unit();
    }
}

chaos_client::unit chaos_client::simple_unit() {
    const auto mine = token();
    return {wire::query("select '" + mine + "'"), mine, "", false};
}

chaos_client::unit chaos_client::extended_unit() {
    const auto mine = token();
    return {wire::parse("", "select $1::text") + wire::bind("", "", {{mine}}) +
                wire::describe('P', "") + wire::execute("") + wire::sync(),
            mine, "", false};
}

chaos_client::unit chaos_client::failing_unit() {
    if (random_up_to(1) == 0)
        return {wire::query("select 1/n from generate_series(0, 0) n /* " + token() + " */"), "",
                "22012", false};
    return {wire::parse("", "select no_such_column_" + std::to_string(number_)) +
                wire::bind("", "") + wire::execute("") + wire::sync(),
            "", "42703", false};
}

chaos_client::unit chaos_client::zoned_unit() {
    const auto mine = token();
    const auto sql =
        "select '" + mine + "-' || to_char('2020-01-01 00:00+00'::timestamptz, 'HH24')";
    if (random_up_to(1) == 0) return {wire::query(sql), mine + "-" + hour_, "", false};
    return {wire::extended(sql) + wire::sync(), mine + "-" + hour_, "", false};
}

chaos_client::unit chaos_client::writing_unit() {
    const auto mine = token();
    return {wire::query("insert into chaos values ('" + mine + "') returning t"), mine, "", false};
}

chaos_client::unit chaos_client::timeout_unit() {
    ++counts_.timeouts;
    const auto mine = token();
    return {wire::query("begin; set local statement_timeout = " +
                        std::to_string(random_up_to(20) + 1) + "; select '" + mine +
                        "' from pg_sleep(0.0" + two_digits(random_up_to(20)) + "); commit"),
            mine, "", true};
}

std::optional<chaos_client::unit> chaos_client::prepared_unit() {
    if (prepared_.empty()) return std::nullopt;
    const auto chosen =
        std::next(prepared_.begin(), random_up_to(static_cast<int>(prepared_.size()) - 1));
    const auto mine = token();
    return unit{wire::bind("", chosen->first, {{mine}}) + wire::execute("") + wire::sync(),
                mine + chosen->second, "", false};
}

bool chaos_client::explained(const unit& asked, const std::string& state) const {
    if (state == "57014") return cancels_ || asked.may_be_cancelled;
    // Server connections are killed at any time: the administrator's message, a lost outcome, a
    // lost block.
    return state == "57P01" || state == "57P02" || state == "08007" || state == "08006" ||
           state == "40001";
}

/// False if the connection cannot be used any more.
bool chaos_client::check(const unit& asked, const std::vector<wire_message>& messages) {
    const bool finished = !messages.empty() && messages.back().type == 'Z';
    if (!finished && !wire_->at_end()) {
        counts_.wrong("no answer within the limit to " + asked.bytes);
        return false;
    }
    const auto state = sqlstate(messages);
    const auto rows = first_columns(messages);
    for (const auto& row : rows)
        if (row != asked.answer)
            counts_.wrong("asked for \"" + asked.answer + "\", got " + describe_messages(messages));
    if (!state.empty() && state == asked.sqlstate) {
        ++counts_.expected_errors;
    } else if (!state.empty()) {
        if (explained(asked, state))
            ++counts_.disturbed;
        else
            counts_.wrong("unexplained error: " + describe_messages(messages));
        // A multi-statement string that failed in its block leaves the block aborted.
        if (finished && statuses(messages) != "I") {
            wire_->send(wire::query("rollback"));
            if (statuses(wire_->read_until_ready(1, answer_limit)) != "I") return false;
        }
    } else if (!finished) {
        return false; // ended without a word: killed hard
    } else if (!asked.sqlstate.empty()) {
        counts_.wrong("expected " + asked.sqlstate + ", got " + describe_messages(messages));
    } else if (rows.size() != (asked.answer.empty() ? 0U : 1U)) {
        counts_.wrong("expected one row, got " + describe_messages(messages));
    } else {
        ++counts_.answers;
    }
    return finished;
}

void chaos_client::ask(const std::vector<unit>& units) {
    std::string bytes;
    for (const auto& each : units)
        bytes += each.bytes;
    if (random_up_to(9) == 0 && bytes.size() < 3000) {
        wire_->send_in_pieces(bytes, static_cast<std::size_t>(random_up_to(30) + 1));
    } else {
        wire_->send(bytes);
    }
    for (const auto& each : units) {
        if (check(each, wire_->read_until_ready(1, answer_limit))) continue;
        return lost();
    }
}

void chaos_client::pipeline() {
    std::vector<unit> units;
    for (int left = random_up_to(12) + 2; left > 0; --left)
        units.push_back(random_unit());
    ask(units);
}

void chaos_client::block() {
    const auto command = [](const std::string& sql) {
        return unit{wire::query(sql), "", "", false};
    };
    ask({command(random_up_to(1) == 0 ? "begin"
                                      : "start transaction isolation level "
                                        "repeatable read")});
    for (int left = random_up_to(4); wire_ && left > 0; --left) {
        const auto mine = token();
        wire_->send(random_up_to(2) == 0
                        ? wire::query("insert into chaos values ('" + mine + "') returning t")
                        : wire::query("select '" + mine + "'"));
        const auto messages = wire_->read_until_ready(1, answer_limit);
        const unit asked{"", mine, "", false};
        // Inside a block a killed server leaves it aborted, and what follows fails with 25P02.
        if (sqlstate(messages) == "25P02") continue;
        if (!messages.empty() && messages.back().type == 'Z' && !sqlstate(messages).empty() &&
            explained(asked, sqlstate(messages))) {
            ++counts_.disturbed;
            continue;
        }
        if (!check(asked, messages)) return lost();
    }
    if (wire_) ask({command(random_up_to(2) == 0 ? "rollback" : "commit")});
}

void chaos_client::prepare_or_close() {
    const auto name = "s" + std::to_string(random_up_to(4));
    const bool known = prepared_.contains(name);
    // Few different texts, so that sessions share statements on the servers.
    const auto suffix = "-suffix" + std::to_string(random_up_to(6));
    const auto bytes =
        known ? wire::close('S', name) : wire::parse(name, "select $1::text || '" + suffix + "'");
    wire_->send(bytes + wire::sync());
    const auto messages = wire_->read_until_ready(1, answer_limit);
    if (!check({bytes, "", "", false}, messages)) return lost();
    if (!sqlstate(messages).empty()) return;
    if (known)
        prepared_.erase(name);
    else
        prepared_[name] = suffix;
}

void chaos_client::flush_then_sync() {
    const auto mine = token();
    wire_->send(wire::parse("", "select $1::text, 2") + wire::describe('S', "") + wire::flush());
    const bool described = [&] {
        while (const auto message = wire_->read(answer_limit))
            if (message->type == 'T' || message->type == 'E') return message->type == 'T';
        return false;
    }();
    if (random_up_to(9) == 0) {
        ++counts_.client_kills;
        wire_->reset();
        return lost();
    }
    const unit rest{wire::bind("", "", {{mine}}) + wire::execute("") + wire::sync(), mine, "",
                    false};
    if (described) return ask({rest});
    // The error has come already: everything up to the Sync is skipped.
    wire_->send(rest.bytes);
    if (statuses(wire_->read_until_ready(1, answer_limit)).empty())
        lost();
    else
        ++counts_.disturbed;
}

void chaos_client::cancelled_query() {
    const auto mine = token();
    wire_->send(wire::query("select '" + mine + "' from pg_sleep(0.03)"));
    std::this_thread::sleep_for(std::chrono::milliseconds{random_up_to(45)});
    {
        wire_client canceller{port_};
        canceller.send(wire::cancel_request(wire_->pid(), wire_->key()));
        if (random_up_to(1) == 0) canceller.closed_by_peer(5s);
        ++counts_.cancels;
    }
    if (!check({"", mine, "", true}, wire_->read_until_ready(1, answer_limit))) lost();
}

void chaos_client::die_somewhere() {
    std::string bytes;
    for (int left = random_up_to(3) + 1; left > 0; --left)
        bytes += random_unit().bytes;
    wire_->send(
        bytes.substr(0, static_cast<std::size_t>(random_up_to(static_cast<int>(bytes.size())))));
    if (random_up_to(2) == 0) wire_->read(std::chrono::milliseconds{random_up_to(3)});
    ++counts_.client_kills;
    if (random_up_to(1) == 0) wire_->reset();
    lost();
}

void chaos_client::die_holding_a_lock() {
    const int key = number_ * 10'000'000 + static_cast<int>(++sequence_ % 10'000'000);
    wire_->send(wire::query("begin") +
                wire::query("select pg_advisory_xact_lock(" + std::to_string(key) + ")") +
                wire::query("insert into chaos values ('" + token() + "')"));
    if (random_up_to(1) == 0) wire_->read_until_ready(3, std::chrono::milliseconds{20});
    ++counts_.client_kills;
    if (random_up_to(1) == 0)
        wire_->reset();
    else
        wire_->close();
    lost();
    locks_.orphaned(key);
}

} // namespace pgweir::test
