// Definitions that the catalog, as last read, does not show yet: what statements set off may be
// another than it says.
#include "proxy/router/risk_index.hpp"
#include "proxy/router/safe_builtins.hpp"
#include "proxy/session/session.hpp"

namespace pgweir {

namespace {

void raise(std::atomic<std::uint64_t>& mark, std::uint64_t to) {
    auto seen = mark.load();
    while (seen < to && !mark.compare_exchange_weak(seen, to)) {
    }
}

bool uses_names(const unit& u) {
    for (const auto& f : u.facts)
        for (const auto& s : f->statements)
            if (!s.relations.empty() || !s.functions.empty()) return true;
    return false;
}

bool is_definition(const sql::statement_facts& s) {
    return s.kind == sql::statement_kind::ddl || s.kind == sql::statement_kind::utility;
}

/// Rows of relations.
bool writes_rows(const unit& u) {
    for (const auto& f : u.facts)
        for (const auto& s : f->statements)
            if (s.writes && !s.relations.empty() && !is_definition(s)) return true;
    return false;
}

} // namespace

/// A library that was loaded to check a function stays: the connection serves nobody else. The
/// session is not held to it, since only calls of such functions leave anything behind.
void session::note_news(const unit& u) {
    for (const auto& f : u.facts) {
        for (const auto& s : f->statements) {
            for (const auto& e : s.effects) {
                if (e.kind == sql::effect_kind::defines_code) defines_code_ = true;
                if (e.kind != sql::effect_kind::native_code || is_harmless_extension(e.name))
                    continue;
                native_code_ = true;
                lease_->condemn();
            }
        }
    }
}

/// The transaction is over, and the catalog is asked for anew.
void session::publish_news() {
    const bool code = std::exchange(defines_code_, false);
    const bool native = std::exchange(native_code_, false);
    if (!catalog_->slot) return;
    if (code) raise(catalog_->slot->code, catalog_->slot->required.load());
    if (native) raise(catalog_->slot->native_code, catalog_->slot->required.load());
}

/// The unit uses names whose definitions may be newer than the catalog that judged them.
bool session::meets_news(const unit& u) const {
    const bool is_old =
        defines_code_ || (catalog_->slot && catalog_->generation < catalog_->slot->code.load());
    if (!is_old) return false;
    const auto* const one = u.single();
    return (one == nullptr || !is_definition(*one)) && uses_names(u);
}

/// A relation that nobody knows may have a trigger in C or the like, which may leave something
/// behind that no question shows (refint keeps plans with the values of their first use): but only
/// if there is such a function, or may be since the catalog was read.
bool session::may_set_off_native_code(const unit& u) const {
    if (!u.risk.writes_unknown && !(meets_news(u) && writes_rows(u))) return false;
    if (native_code_) return true;
    if (catalog_->slot && catalog_->generation < catalog_->slot->native_code.load()) return true;
    return catalog_->snapshot && catalog_->snapshot->risks().has_native_triggers();
}

} // namespace pgweir
