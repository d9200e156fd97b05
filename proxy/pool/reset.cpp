#include "proxy/pool/reset.hpp"

#include "protocol/simple_query.hpp"
#include "proxy/pool/pool.hpp"

#include <memory>

namespace pgweir {

namespace {

class washing final : public backend_user, public std::enable_shared_from_this<washing> {
public:
    explicit washing(backend_ptr used) : used_{std::move(used)} {}

    void start(const std::string& reset_query) {
        kept_ = shared_from_this();
        used_->lend_to(this);
        std::string out;
        encode(protocol::query{reset_query}, out);
        used_->conversation().add({protocol::expect::query, protocol::origin::injected, 0});
        used_->unnamed = nullptr;
        used_->io().send(out);
    }

    stream* frontend_stream() override { return nullptr; }
    bool on_server_message(backend&, char type, std::string_view, protocol::verdict) override {
        failed_ = failed_ || type == 'E';
        return false;
    }
    void on_ended(backend&) override {}
    void on_server_progress(backend& from) override {
        if (!from.at_rest()) return;
        auto used = std::move(used_);
        used->lend_to(nullptr);
        used->state.carried.clear();
        used->state.prepared.clear();
        if (failed_) used->condemn();
        used->home().give_back(std::move(used));
        kept_.reset();
    }
    void on_server_lost(backend&, std::string_view) override {
        used_.reset();
        kept_.reset();
    }
    void on_server_drained() override {}

private:
    backend_ptr used_;
    std::shared_ptr<washing> kept_;  // itself, while under way
    bool failed_ = false;
};

}  // namespace

void reset_and_give_back(const backend_ptr& used, const std::string& reset_query) {
    std::make_shared<washing>(used)->start(reset_query);
}

}  // namespace pgweir
