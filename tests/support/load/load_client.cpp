#include "tests/support/load/load_client.hpp"

#include <sys/socket.h>

namespace pgweir::test {

namespace {

constexpr long tokens_of_a_client = 1'000'000'000;
constexpr std::chrono::milliseconds before_coming_back{100};
constexpr auto never = moment::max();

} // namespace

load_client::load_client(load_client_options options, load_listener& listener)
    : options_{std::move(options)}, listener_{listener}, connection_{nullptr, &PQfinish},
      random_{options_.seed + static_cast<unsigned>(options_.number)} {}

int load_client::socket() const {
    return connection_ ? PQsocket(connection_.get()) : -1;
}

void load_client::go_on(moment now) {
    switch (state_) {
    case state::away:
        if (now >= due_) connect(now);
        break;
    case state::connecting:
        go_on_connecting(now);
        break;
    case state::preparing:
        go_on_preparing(now);
        break;
    case state::thinking:
        if (PQconsumeInput(connection_.get()) != 1 || PQstatus(connection_.get()) != CONNECTION_OK)
            lose(now);
        else if (now >= due_ && !finishing_)
            begin_task(now);
        else if (now >= due_)
            due_ = never;
        break;
    case state::working:
        go_on_working(now);
        break;
    }
}

void load_client::connect(moment now) {
    connection_.reset(PQconnectStart(options_.conninfo.c_str()));
    began_ = now;
    due_ = never;
    task_ = {};
    failed_.clear();
    message_.clear();
    state_ = state::connecting;
    wants_to_write_ = true;
    if (PQstatus(connection_.get()) == CONNECTION_BAD) lose(now);
}

void load_client::go_on_connecting(moment now) {
    switch (PQconnectPoll(connection_.get())) {
    case PGRES_POLLING_READING:
        wants_to_write_ = false;
        return;
    case PGRES_POLLING_WRITING:
        wants_to_write_ = true;
        return;
    case PGRES_POLLING_OK:
        break;
    default:
        lose(now);
        return;
    }
    PQsetNoticeProcessor(connection_.get(), [](void*, const char*) {}, nullptr);
    PQsetnonblocking(connection_.get(), 1);
    state_ = state::preparing;
    step_ = 0;
    const auto& first = load_statements().front();
    PQsendPrepare(connection_.get(), first.text.c_str(), first.parameter.c_str(), 0, nullptr);
    flush(now);
}

void load_client::go_on_preparing(moment now) {
    if (!take_results(now)) return;
    if (!error_.empty()) return lose(now);
    if (++step_ == load_statements().size()) return rest(now);
    const auto& next = load_statements()[step_];
    PQsendPrepare(connection_.get(), next.text.c_str(), next.parameter.c_str(), 0, nullptr);
    flush(now);
}

void load_client::begin_task(moment now) {
    if (options_.reads_only)
        task_ = random_read(random_);
    else
        task_ = random_task(random_, options_.number * tokens_of_a_client + ++tokens_);
    state_ = state::working;
    began_ = now;
    due_ = never;
    step_ = 0;
    rolling_back_ = false;
    failed_.clear();
    message_.clear();
    send_step(now);
}

void load_client::send_step(moment now) {
    const auto& step = task_.steps[step_];
    if (rolling_back_) {
        PQsendQuery(connection_.get(), "rollback");
    } else if (step.parameter.empty()) {
        PQsendQuery(connection_.get(), step.text.c_str());
    } else {
        const char* values[] = {step.parameter.c_str()};
        PQsendQueryPrepared(connection_.get(), step.text.c_str(), 1, values, nullptr, nullptr, 0);
    }
    flush(now);
}

bool load_client::flush(moment now) {
    const int left = PQflush(connection_.get());
    wants_to_write_ = left == 1;
    if (left >= 0) return true;
    lose(now);
    return false;
}

bool load_client::take_results(moment now) {
    if (wants_to_write_ && !flush(now)) return false;
    if (PQconsumeInput(connection_.get()) != 1) {
        lose(now);
        return false;
    }
    if (PQisBusy(connection_.get()) == 1) return false;
    error_.clear();
    while (PGresult* result = PQgetResult(connection_.get())) {
        const auto status = PQresultStatus(result);
        if (status == PGRES_FATAL_ERROR || status == PGRES_BAD_RESPONSE) {
            const char* sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
            error_ = sqlstate != nullptr ? sqlstate : "?????";
            if (message_.empty()) message_ = PQresultErrorMessage(result);
        }
        PQclear(result);
        if (PQstatus(connection_.get()) != CONNECTION_OK) {
            lose(now);
            return false;
        }
        if (PQisBusy(connection_.get()) == 1) return false;
    }
    return true;
}

void load_client::go_on_working(moment now) {
    if (take_results(now)) on_answered(now);
}

void load_client::on_answered(moment now) {
    if (!error_.empty() && failed_.empty()) failed_ = error_;
    if (!failed_.empty()) {
        if (!rolling_back_ && PQtransactionStatus(connection_.get()) != PQTRANS_IDLE) {
            rolling_back_ = true;
            return send_step(now);
        }
        return end_task(now);
    }
    if (++step_ == task_.steps.size()) return end_task(now);
    send_step(now);
}

void load_client::end_task(moment now) {
    listener_.on_ended({{task_.what, false, failed_}, task_.token, began_, now, message_});
    rest(now);
}

void load_client::lose(moment now) {
    if (message_.empty() && connection_) message_ = PQerrorMessage(connection_.get());
    listener_.on_ended({{task_.what, true, failed_}, task_.token, began_, now, message_});
    connection_.reset();
    wants_to_write_ = false;
    state_ = state::away;
    due_ = now + before_coming_back;
}

void load_client::rest(moment now) {
    state_ = state::thinking;
    wants_to_write_ = false;
    task_ = {};
    std::uniform_int_distribution<long> pause{0, 2 * options_.think_time.count()};
    due_ = now + std::chrono::milliseconds{pause(random_)};
}

} // namespace pgweir::test
