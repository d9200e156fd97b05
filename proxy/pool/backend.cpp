#include "proxy/pool/backend.hpp"

#include "protocol/error_response.hpp"
#include "protocol/frame.hpp"
#include "protocol/session_parameters.hpp"
#include "protocol/simple_query.hpp"
#include "proxy/pool/pool.hpp"
#include "proxy/worker.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace pgweir {

namespace {

// Messages that pgweir must see whole. All others stream through, whatever their size.
bool must_be_whole(char type) {
    switch (type) {
    case 'D':
    case 'd':
    case 'T':
    case 't':
    case 'V':
        return false;
    default:
        return true;
    }
}

// Up to this size also the others go out only when they are there.
constexpr std::uint64_t kept_whole = 16ULL * 1024;
constexpr std::uint64_t largest_whole_message = 64ULL * 1024 * 1024;

} // namespace

backend::backend(pool& home, std::shared_ptr<stream> connection, backend_state with)
    : state{std::move(with)}, home_{home}, io_{std::move(connection)} {
    io_->set_listener(this);
}

backend::~backend() {
    io_->set_listener(nullptr);
}

void backend::run() {
    io_->start_reading(shared_from_this(), home_.owner().scratch());
}

bool backend::at_rest() const {
    return state.conversation.at_rest() && pending_.empty() && passing_ == 0 &&
           io_->unsent() == 0 && cancels_ == 0;
}

void backend::close() {
    condemned_ = true;
    io_->close();
}

void backend::give_up(std::string_view why) {
    given_up_ = why;
    // What lies in the kernel's buffer must not arrive later, when the line is whole again: it may
    // be a write that another server has done since.
    error_code ignored;
    io_->socket().set_option(asio::socket_base::linger{true, 0}, ignored);
    close();
}

void backend::terminate() {
    condemned_ = true;
    std::string goodbye;
    encode(protocol::terminate{}, goodbye);
    io_->send(goodbye);
    io_->close_after_output();
}

int backend::detach(backend_state& into) {
    if (io_->is_tls() || !at_rest() || condemned()) return -1;
    const auto fd = io_->release();
    if (fd < 0) return -1;
    detached_ = true;
    into = std::move(state);
    return fd;
}

bool backend::wants_no_input() const {
    if (user_ == nullptr) return false;
    auto* const to = user_->frontend_stream();
    return to != nullptr && to->congested();
}

void backend::on_drained() {
    if (user_ != nullptr) user_->on_server_drained();
}

void backend::on_bytes(std::string_view chunk) {
    const auto self = shared_from_this();
    home_.note_received(chunk.size());
    if (timed_since != std::chrono::steady_clock::time_point{})
        home_.note_latency(std::exchange(timed_since, {}));
    std::size_t used = 0;
    if (pending_.empty()) {
        used = walk(chunk);
        if (used < chunk.size()) pending_.assign(chunk.substr(used));
    } else {
        pending_.append(chunk);
        const auto joined = std::move(pending_);
        pending_.clear();
        used = walk(joined);
        if (used < joined.size()) pending_.assign(joined, used);
    }
    if (!io_->is_open()) return;
    if (user_ != nullptr)
        user_->on_server_progress(*this);
    else if (!at_rest())
        close();
}

void backend::forward(std::string_view run, bool last) {
    auto* const to = user_ == nullptr ? nullptr : user_->frontend_stream();
    if (to == nullptr) return;
    if (!held_.empty()) {
        to->append(held_);
        held_.clear();
    }
    if (last && !run.empty())
        to->send(run);
    else if (!run.empty())
        to->append(run);
    else if (last)
        to->flush();
}

/// Takes messages off `chunk` and returns how many bytes were used. What goes to the frontend
/// unchanged is gathered into runs.
std::size_t backend::walk(std::string_view chunk) {
    std::size_t at = 0;
    std::size_t run = 0; // [run, at) is to be forwarded
    const auto cut_run = [&](std::size_t next) {
        if (holding_)
            held_.append(chunk.substr(run, at - run));
        else
            forward(chunk.substr(run, at - run), false);
        run = next;
    };
    for (;;) {
        if (passing_ == 0 && !state.conversation.ended().empty()) {
            const auto& ended = state.conversation.ended();
            if (std::any_of(ended.begin(), ended.end(), [](const auto& e) {
                    return e.entry.what == protocol::expect::synthetic;
                })) {
                holding_ = false;
                cut_run(at);
            }
            if (user_ != nullptr) user_->on_ended(*this);
            state.conversation.clear_ended();
        }
        if (at == chunk.size() || !io_->is_open()) break;
        if (passing_ != 0) {
            const auto n =
                static_cast<std::size_t>(std::min<std::uint64_t>(passing_, chunk.size() - at));
            passing_ -= n;
            if (!passing_forward_) cut_run(at + n);
            at += n;
            continue;
        }
        protocol::frame_header header;
        const auto found = protocol::read_header(chunk.substr(at), header);
        if (found == protocol::frame_status::incomplete) break;
        if (found == protocol::frame_status::bad_length ||
            (must_be_whole(header.type) && header.size > largest_whole_message)) {
            out_of_step("a message of impossible length");
            break;
        }
        // Rows of our own queries are ours to read.
        const bool whole = must_be_whole(header.type) ||
                           (header.type == protocol::backend_type::data_row &&
                            state.conversation.head_is_injected()) ||
                           (header.type == protocol::backend_type::row_description &&
                            state.conversation.head_has_tag());
        // Half a row is not sent: should the server die now, the client can still be told.
        if (header.size > chunk.size() - at && header.size <= kept_whole) break;
        if (!whole) {
            const auto how = state.conversation.on_message(header.type, ' ');
            if (how == protocol::verdict::violation) {
                out_of_step("a message that answers nothing");
                break;
            }
            passing_ = header.size;
            passing_forward_ = how == protocol::verdict::forward;
            if (passing_forward_ && (header.type != 'T' || header.size > chunk.size() - at))
                holding_ = false;
            continue;
        }
        if (header.size > chunk.size() - at) break;
        const auto next = at + static_cast<std::size_t>(header.size);
        // The session may put words of its own in the place of these: what came before them goes
        // first.
        if (header.type == 'E' || header.type == 'A') cut_run(at);
        if (!take_message(header.type, protocol::body_of(chunk.substr(at), header))) cut_run(next);
        if (dropped_) {
            // The unit is asked again elsewhere: nothing of its answer may reach the frontend.
            dropped_ = false;
            held_.clear();
            run = next;
        }
        at = next;
    }
    if (holding_)
        held_.append(chunk.substr(run, at - run));
    else
        forward(chunk.substr(run, at - run), true);
    return at;
}

/// A whole message. True: it belongs to the frontend as it is.
bool backend::take_message(char type, std::string_view body) {
    const auto how = state.conversation.on_message(type, body.empty() ? '\0' : body[0]);
    if (type == 'S' && !note_parameter(body)) {
        out_of_step("a malformed ParameterStatus");
        return false;
    }
    if (type == 'E') {
        farewell_.assign(body);
        io_->expect_end();
    }
    switch (how) {
    case protocol::verdict::violation:
        out_of_step("a message that answers nothing");
        return false;
    case protocol::verdict::unsolicited:
        condemn();
        break;
    default:
        break;
    }
    if (type == 'Z') farewell_.clear();
    if (user_ == nullptr) return idle_message(type, body);
    const bool forwarded = user_->on_server_message(*this, type, body, how);
    if (forwarded && type != '1' && type != '2' && type != '3' && type != 'n' && type != 'T')
        holding_ = false;
    return forwarded;
}

bool backend::note_parameter(std::string_view body) {
    const auto status = protocol::decode_parameter_status(body);
    if (!status) return false;
    state.reported[to_lower(status->name)] = status->value;
    return true;
}

/// Nobody's turn: parameters changed by a reload are noted, notices are dropped, an error is the
/// server's goodbye.
bool backend::idle_message(char type, std::string_view body) {
    if (type == 'E') {
        spdlog::info("server connection ended by the server node={} sqlstate={}", home_.node_name(),
                     protocol::find_sqlstate(body));
        home_.hint_monitor();
        close();
    } else if (type == 'A') {
        // A LISTEN that nobody knows of: the connection carries state of a session that is gone.
        close();
    }
    return false;
}

void backend::out_of_step(std::string_view what) {
    spdlog::warn("server connection out of step node={} database={} user={}: {}", home_.node_name(),
                 home_.key().database, home_.key().user, what);
    home_.count_protocol_error();
    home_.hint_monitor();
    close();
}

void backend::on_end(const error_code& ec) {
    if (detached_) return;
    const auto self = shared_from_this();
    // Neither asked for nor announced: the node is looked at now.
    if (!condemned_ && farewell_.empty()) home_.hint_monitor();
    condemned_ = true;
    io_->close();
    if (auto* const holder = std::exchange(user_, nullptr)) {
        // The session still needs entries that will never be answered.
        holder->on_server_lost(*this, farewell_);
    }
    home_.on_backend_gone(self, ec);
}

} // namespace pgweir
