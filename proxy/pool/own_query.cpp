#include "proxy/pool/own_query.hpp"

#include "protocol/simple_query.hpp"
#include "proxy/pool/pool.hpp"

#include <memory>

namespace pgweir {

namespace {

class own_query final : public backend_user, public std::enable_shared_from_this<own_query> {
public:
    own_query(backend_ptr on, own_query_done done) : on_{std::move(on)}, done_{std::move(done)} {}

    void start(const std::string& sql) {
        kept_ = shared_from_this();
        on_->lend_to(this);
        std::string out;
        encode(protocol::query{sql}, out);
        on_->conversation().add({protocol::expect::query, protocol::origin::injected, 0});
        on_->unnamed = nullptr;
        on_->io().send(out);
    }

    stream* frontend_stream() override { return nullptr; }
    bool on_server_message(backend&, char type, std::string_view body, protocol::verdict) override {
        if (type == 'E' && error_.empty()) error_.assign(body);
        return false;
    }
    void on_ended(backend&) override {}
    void on_server_progress(backend& from) override {
        if (!from.at_rest()) return;
        on_->lend_to(nullptr);
        end(std::move(on_));
    }
    void on_server_lost(backend&, std::string_view) override { end(nullptr); }
    void on_server_drained() override {}

private:
    void end(backend_ptr used) {
        const auto self = std::move(kept_);
        on_.reset();
        done_(std::move(used), std::move(error_));
    }

    backend_ptr on_;
    own_query_done done_;
    std::string error_;
    std::shared_ptr<own_query> kept_; // itself, while under way
};

} // namespace

void run_own_query(const backend_ptr& on, const std::string& sql, own_query_done done) {
    std::make_shared<own_query>(on, std::move(done))->start(sql);
}

void reset_and_give_back(const backend_ptr& used, const std::string& reset_query) {
    if (reset_query.empty()) return used->terminate();
    run_own_query(used, reset_query, [](backend_ptr washed, const std::string& error) {
        if (!washed) return;
        washed->state.carried.clear();
        washed->state.prepared.clear();
        if (!error.empty()) washed->condemn();
        auto& home = washed->home();
        home.give_back(std::move(washed));
    });
}

} // namespace pgweir
