#include "proxy/cluster/catalog_reader.hpp"

#include "proxy/cluster/catalog_reader_impl.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace pgweir {

catalog_reader::catalog_reader(asio::io_context& control,
                               monitor_settings settings,
                               catalog_source source,
                               publish_function publish)
    : impl_{std::make_shared<impl>(
          control, std::move(settings), std::move(source), std::move(publish))} {}

catalog_reader::~catalog_reader() = default;

std::shared_ptr<catalog_slot> catalog_reader::want(const std::string& database) {
    return impl_->want(database);
}

void catalog_reader::invalidate(const std::shared_ptr<catalog_slot>& slot) {
    impl_->invalidate(slot);
}

void catalog_reader::on_view(const cluster_view& view) {
    impl_->on_view(view);
}

void catalog_reader::reload(monitor_settings settings) {
    asio::post(impl_->executor(), [impl = impl_, settings = std::move(settings)]() mutable {
        impl->on_reload(std::move(settings));
    });
}

void catalog_reader::stop(std::function<void()> done) {
    asio::post(impl_->executor(),
               [impl = impl_, done = std::move(done)]() mutable { impl->stop(std::move(done)); });
}

} // namespace pgweir
