// A small model of what a PostgreSQL server answers after login, and of a client that keeps to the
// protocol; between them a conversation. The property test draws their choices from a seed, the
// fuzzer from its input. The model was held against real servers: errors, skipping up to Sync, COPY
// that swallows Sync and Flush, COPY that fails before it reads anything.
#pragma once

#include "protocol/conversation.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>

namespace pgweir::protocol {

/// A number below `n`; zero for ever once the choices have run out.
using pick_number = std::function<unsigned(unsigned n)>;

/// One message on its way to the server. Letters are the protocol's, but 'D' describes a statement
/// and 'o' a portal; '*' is an answer of the proxy's own that stands in the queue.
struct sent_message {
    char kind = 0;
    origin whose = origin::frontend;
    std::uint64_t id = 0;
    bool may_copy_in = false;
};

/// One message from the server, and what has to be done with it.
struct told_message {
    char type = 0;
    char status = ' ';
    verdict due = verdict::forward;
    bool of_query = false; // CopyInResponse of a Query, not of an Execute
};

class server_model {
public:
    explicit server_model(pick_number pick) : pick_{std::move(pick)} {}

    void receive(sent_message m) { inbox_.push_back(m); }
    [[nodiscard]] bool has_input() const { return !inbox_.empty(); }
    /// Deals with one message.
    void step() {
        const auto m = inbox_.front();
        inbox_.pop_front();
        if (pick_(8) == 0) tell_asynchronous();
        if (copying_) return in_copy(m);
        if (skipping_ && m.kind != 'S') return skip(m);
        answer(m);
    }

    std::deque<told_message> output;
    std::map<std::uint64_t, outcome> fates;
    bool client_broke_the_rules = false;

private:
    static verdict due(origin whose, bool error = false) {
        if (whose == origin::frontend || (error && whose == origin::helper))
            return verdict::forward;
        return verdict::swallow;
    }
    void tell(const sent_message& m, char type) {
        output.push_back({type, ' ', due(m.whose), false});
    }
    void tell_asynchronous() {
        output.push_back({"NSA"[pick_(3)], ' ', verdict::asynchronous, false});
    }
    void rows(const sent_message& m) {
        for (auto n = pick_(3); n != 0; --n)
            tell(m, 'D');
    }
    void error(const sent_message& m) {
        to_commit_ = false;
        output.push_back({'E', ' ', due(m.whose, true), false});
        if (status_ == 'T') status_ = 'E';
        copying_ = false;
    }
    void ready(const sent_message& m) {
        to_commit_ = false;
        if (pick_(3) == 0) status_ = status_ == 'I' ? 'T' : 'I';
        output.push_back({'Z', status_, due(m.whose), false});
    }
    /// An error in the extended protocol.
    void fail(const sent_message& m) {
        error(m);
        fates[m.id] = outcome::failed;
        skipping_ = true;
    }
    void done(const sent_message& m, char type) {
        tell(m, type);
        fates[m.id] = outcome::done;
    }
    void skip(const sent_message& m) {
        if (m.kind != 'd' && m.kind != 'c' && m.kind != 'f') fates[m.id] = outcome::skipped;
    }

    void answer(const sent_message& m) {
        switch (m.kind) {
        case '*':
            fates[m.id] = outcome::done;
            return;
        case 'P':
            return pick_(5) == 0 ? fail(m) : done(m, '1');
        case 'B':
            return pick_(5) == 0 ? fail(m) : done(m, '2');
        case 'C':
            return pick_(9) == 0 ? fail(m) : done(m, '3');
        case 'D':
            if (pick_(5) == 0) return fail(m);
            tell(m, 't');
            return done(m, "Tn"[pick_(2)]);
        case 'o':
            return pick_(5) == 0 ? fail(m) : done(m, "Tn"[pick_(2)]);
        case 'E':
            return execute(m);
        case 'S':
            // It commits what ran before it, if that went well, and may fail in that.
            if (to_commit_ && pick_(4) == 0) error(m);
            skipping_ = false;
            return ready(m);
        case 'F':
            if (pick_(4) == 0)
                error(m);
            else
                tell(m, 'V');
            fates[m.id] = outcome::done;
            return ready(m);
        case 'Q':
            statements_left_ = pick_(4);
            if (statements_left_ == 0) tell(m, 'I');
            return run_query(m);
        default:
            return; // d, c, f outside COPY
        }
    }

    void execute(const sent_message& m) {
        to_commit_ = true;
        switch (pick_(6)) {
        case 0:
            return fail(m);
        case 1:
            return done(m, 'I');
        case 2:
            rows(m);
            return done(m, 's');
        case 3:
            copy_out(m);
            return done(m, 'C');
        case 4:
            if (!m.may_copy_in) break;
            return open_copy_in(m);
        default:
            break;
        }
        rows(m);
        if (pick_(6) == 0) return fail(m);
        done(m, 'C');
    }

    void copy_out(const sent_message& m) {
        tell(m, 'H');
        for (auto n = pick_(3); n != 0; --n)
            tell(m, 'd');
        tell(m, 'c');
    }

    void open_copy_in(const sent_message& m) {
        output.push_back({'G', ' ', due(m.whose), m.kind == 'Q'});
        copying_ = true;
        copy_ = m;
        if (pick_(4) == 0) fail_copy(); // a view, FREEZE, a statement trigger: nothing was read
    }

    void fail_copy() {
        if (copy_.kind == 'E') return fail(copy_);
        error(copy_);
        end_query(copy_);
    }

    /// The statements that are left of a query string, up to one that wants data.
    void run_query(const sent_message& m) {
        while (statements_left_ != 0) {
            --statements_left_;
            const auto what = pick_(5);
            if (what == 0) {
                error(m);
                break;
            }
            if (what == 1) copy_out(m);
            if (what == 2 && m.may_copy_in) {
                open_copy_in(m);
                return;
            }
            if (what == 3) {
                tell(m, 'T');
                rows(m);
            }
            tell(m, 'C');
        }
        end_query(m);
    }
    void end_query(const sent_message& m) {
        fates[m.id] = outcome::done;
        ready(m);
    }

    void in_copy(const sent_message& m) {
        switch (m.kind) {
        case 'S':
            return; // swallowed
        case 'd':
            if (pick_(6) == 0) fail_copy();
            return;
        case 'f':
            return fail_copy();
        case 'c':
            if (pick_(6) == 0) return fail_copy();
            copying_ = false;
            if (copy_.kind == 'E') return done(copy_, 'C');
            tell(copy_, 'C');
            return run_query(copy_);
        default:
            client_broke_the_rules = true;
            return;
        }
    }

    pick_number pick_;
    std::deque<sent_message> inbox_;
    char status_ = 'I';
    bool skipping_ = false;
    bool copying_ = false;
    bool to_commit_ = false;
    sent_message copy_;
    unsigned statements_left_ = 0;
};

/// A client that keeps to the protocol talks to the model by way of a conversation; each of them
/// moves when the choices say so.
class model_exchange {
public:
    explicit model_exchange(const pick_number& pick) : pick_{pick}, server_{pick} {}

    /// What went wrong, or nothing. Every exchange is brought to its end.
    std::string run(unsigned steps) {
        for (unsigned i = 0; i < steps && wrong_.empty() && !queue_.doubtful(); ++i)
            move(pick_(4));
        if (wrong_.empty()) finish();
        return wrong_;
    }

    /// What was sent ('>' and the letter; an 'i' or 'h' behind it: injected, a helper) and heard
    /// ('<').
    std::string trace;
    std::size_t messages = 0;
    bool ended_in_doubt = false;

private:
    void move(unsigned who) {
        if (who == 0 && server_.has_input())
            server_.step();
        else if (who == 1 && !server_.output.empty())
            hear();
        else if (who >= 2)
            speak();
    }

    static expect expectation_of(char kind) {
        switch (kind) {
        case 'P':
            return expect::parse;
        case 'B':
            return expect::bind;
        case 'D':
            return expect::describe_statement;
        case 'o':
            return expect::describe_portal;
        case 'E':
            return expect::execute;
        case 'C':
            return expect::close;
        case 'S':
            return expect::sync;
        case 'Q':
            return expect::query;
        case 'F':
            return expect::function_call;
        default:
            return expect::synthetic;
        }
    }

    void send(char kind, origin whose = origin::frontend, bool may_copy_in = false) {
        const auto id = ++last_id_;
        const bool goes = queue_.add({expectation_of(kind), whose, kind == 'S' ? 0 : id});
        // What is to be skipped may be sent all the same; a Sync inside COPY may not: that COPY may
        // be over by then.
        if (goes || kind == '*' || (kind != 'S' && pick_(2) == 0))
            server_.receive({kind, whose, id, may_copy_in});
        else if (kind != 'S')
            server_.fates[id] = outcome::skipped;
        if (goes && may_copy_in) copy_may_open_ = true;
        if (kind == 'S') owes_sync_ = false;
        ++messages;
        note('>', kind, whose);
    }
    void note(char direction, char kind, origin whose = origin::frontend) {
        trace += direction;
        trace += kind;
        if (whose != origin::frontend) trace += whose == origin::injected ? 'i' : 'h';
        trace += ' ';
    }
    void send_copy(char kind) {
        server_.receive({kind, origin::frontend, 0, false});
        if (kind != 'd') queue_.on_copy_end_sent();
        note('>', kind);
    }

    /// The client's turn: one message, or none.
    void speak() {
        if (queue_.copy() == copy_state::in) return speak_in_copy();
        if (copy_may_open_ && queue_.may_open_copy()) {
            if (pick_(4) == 0 && !owes_sync_)
                send('S'); // as libpq does, not knowing that it sent a COPY
            return;
        }
        copy_may_open_ = false;
        if (owes_sync_) return send('S');
        const bool fresh = queue_.empty() && !queue_.skipping();
        switch (const auto what = pick_(16)) {
        case 0:
            return send('Q', origin::frontend, pick_(3) == 0);
        case 1:
            return send('F');
        case 2:
        case 3:
        case 4:
            return send('S');
        case 5:
            return send('*');
        case 6:
            return send('P', origin::helper);
        case 7:
            if (fresh) send('Q', origin::injected);
            return;
        case 8:
        case 9:
        case 10:
            return send('E', origin::frontend, pick_(3) == 0);
        default:
            return send("PBDoC"[what - 11]);
        }
    }

    void speak_in_copy() {
        copy_may_open_ = true;
        const auto what = pick_(5);
        if (what < 2) return send_copy('d');
        if (what == 2) return send('S');
        if (!query_copies_) owes_sync_ = true;
        send_copy(what == 3 ? 'c' : 'f');
    }

    void hear() {
        const auto m = server_.output.front();
        server_.output.pop_front();
        note('<', m.type);
        const auto got = queue_.on_message(m.type, m.status);
        if (got != m.due)
            wrong_ = std::string{"a message of type "} + m.type + " was given verdict " +
                     std::to_string(static_cast<int>(got)) + ", due " +
                     std::to_string(static_cast<int>(m.due));
        if (m.type == 'G') query_copies_ = m.of_query;
        for (const auto& e : queue_.ended())
            note_end(e);
        queue_.clear_ended();
    }

    void note_end(const ended_expectation& e) {
        if (e.entry.tag <= last_ended_) wrong_ = "an entry ended out of order";
        last_ended_ = e.entry.tag;
        ended_[e.entry.tag] = e.how;
    }

    void drain() {
        for (int i = 0; i < 100'000 && wrong_.empty(); ++i) {
            if (server_.client_broke_the_rules) wrong_ = "the model's client broke the rules";
            if (!server_.output.empty())
                hear();
            else if (server_.has_input())
                server_.step();
            else if (queue_.copy() == copy_state::in)
                send_copy('f');
            else
                return;
        }
        if (wrong_.empty()) wrong_ = "the exchange does not end";
    }
    void finish() {
        drain();
        if (wrong_.empty()) send('S');
        drain();
        for (int i = 0; i < 100 && wrong_.empty() && queue_.status() != 'I' && !queue_.doubtful();
             ++i) {
            send('Q');
            drain();
        }
        if (!wrong_.empty()) return;
        ended_in_doubt = queue_.doubtful();
        for (const auto& e : queue_.ended())
            note_end(e);
        if (!queue_.empty())
            wrong_ = "something is expected for ever";
        else if (!ended_in_doubt && queue_.status() == 'I' && !queue_.at_rest())
            wrong_ = "not at rest";
        check_fates();
    }

    void check_fates() {
        for (const auto& [id, how] : server_.fates) {
            const auto it = ended_.find(id);
            if (id == 0 || (it != ended_.end() && it->second == how)) continue;
            wrong_ = "message " + std::to_string(id) + " ended as " +
                     (it == ended_.end() ? std::string{"nothing"}
                                         : std::to_string(static_cast<int>(it->second))) +
                     ", on the server as " + std::to_string(static_cast<int>(how));
            return;
        }
    }

    pick_number pick_;
    conversation queue_;
    server_model server_;
    std::map<std::uint64_t, outcome> ended_;
    std::uint64_t last_id_ = 0;
    std::uint64_t last_ended_ = 0;
    bool copy_may_open_ = false;
    bool query_copies_ = false;
    bool owes_sync_ = false;
    std::string wrong_;
};

} // namespace pgweir::protocol
