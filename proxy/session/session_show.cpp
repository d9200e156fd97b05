// SHOW pgweir.session: what pgweir knows of the session that asks.
#include "proxy/config/values.hpp"
#include "proxy/session/session.hpp"

namespace pgweir {

void session::show_session(unit& u) {
    if (is_doubtful() && lease_ && lease_->conversation().at_rest()) {
        // What its last statements changed is not known yet: asked first, shown then.
        begin_probe();
        return;
    }
    floor_.settle(owner_.view(), owner_.samples());
    const auto at = floor_.position();
    std::string pins;
    pins_.each(
        [&](pin_reason why) { pins += (pins.empty() ? "" : ",") + std::string{label(why)}; });
    const auto yes_or_no = [](bool yes) { return std::string{yes ? "yes" : "no"}; };
    const std::string_view block = block_ == block_state::none         ? "none"
                                   : block_ == block_state::deferred   ? "not begun on a server"
                                   : block_ == block_state::on_standby ? "on a standby"
                                   : block_ == block_state::on_primary ? "on the primary"
                                                                       : "failed";
    std::vector<std::vector<std::string>> rows{
        {"user", user_},
        {"database", database_},
        {"pid", std::to_string(identity_.process_id)},
        {"pool_mode", format_value(policy_->pool_mode)},
        {"route", format_value(forced_)},
        {"consistency", format_value(consistency_)},
        {"position", at ? to_string(*at) : ""},
        {"transaction", std::string{block}},
        {"pins", pins},
        {"leased", yes_or_no(lease_ != nullptr)},
        {"server", lease_ ? lease_->home().node_name() : ""},
        {"server_pid", lease_ ? std::to_string(lease_->state.process_id) : ""},
        {"prepared_statements", std::to_string(statements_.size())},
        {"unconfirmed", yes_or_no(is_doubtful() || unasked_ != 0)},
    };
    for (const auto& [name, value] : followed_)
        rows.push_back({"parameter " + name, value});
    answer_rows(u, "SHOW", {"item", "value"}, rows);
}

} // namespace pgweir
