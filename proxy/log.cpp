#include "proxy/log.hpp"

#include "proxy/config/load.hpp"

#include <spdlog/formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <ctime>
#include <utility>

namespace pgweir::log {

namespace {

spdlog::level::level_enum to_spdlog(log_level level) {
    switch (level) {
    case log_level::debug:
        return spdlog::level::debug;
    case log_level::info:
        return spdlog::level::info;
    case log_level::warning:
        return spdlog::level::warn;
    case log_level::error:
        return spdlog::level::err;
    }
    return spdlog::level::info;
}

void append(fmt::memory_buffer& out, std::string_view text) {
    out.append(text.data(), text.data() + text.size());
}

/// 2026-01-31T23:59:59.123Z
void append_time(fmt::memory_buffer& out, spdlog::log_clock::time_point when) {
    const auto since =
        std::chrono::duration_cast<std::chrono::milliseconds>(when.time_since_epoch()).count();
    const auto seconds = static_cast<std::time_t>(since / 1000);
    std::tm parts{};
    gmtime_r(&seconds, &parts);
    fmt::format_to(fmt::appender(out), "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:03}Z",
                   parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday, parts.tm_hour,
                   parts.tm_min, parts.tm_sec, since % 1000);
}

std::string_view name_of(spdlog::level::level_enum level) {
    switch (level) {
    case spdlog::level::trace:
    case spdlog::level::debug:
        return "debug";
    case spdlog::level::info:
        return "info";
    case spdlog::level::warn:
        return "warning";
    default:
        return "error";
    }
}

class line_formatter final : public spdlog::formatter {
public:
    explicit line_formatter(log_format format) : format_{format} {}

    void format(const spdlog::details::log_msg& message, spdlog::memory_buf_t& dest) override {
        const std::string_view text{message.payload.data(), message.payload.size()};
        fmt::memory_buffer line;
        if (format_ == log_format::json) {
            append(line, R"({"time":")");
            append_time(line, message.time);
            append(line, R"(","level":")");
            append(line, name_of(message.level));
            append(line, "\"");
            append_json_members(line, text);
            append(line, "}\n");
        } else {
            append_time(line, message.time);
            fmt::format_to(fmt::appender(line), " {:<7} ", name_of(message.level));
            append_escaped(line, text);
            append(line, "\n");
        }
        dest.append(line.data(), line.data() + line.size());
    }

    [[nodiscard]] std::unique_ptr<spdlog::formatter> clone() const override {
        return std::make_unique<line_formatter>(format_);
    }

private:
    log_format format_;
};

} // namespace

std::unique_ptr<spdlog::formatter> make_formatter(log_format format) {
    return std::make_unique<line_formatter>(format);
}

void set_up(log_level level, log_format format) {
    auto logger = std::make_shared<spdlog::logger>(
        "pgweir", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_formatter(make_formatter(format));
    logger->set_level(to_spdlog(level));
    logger->flush_on(spdlog::level::trace);
    spdlog::set_default_logger(std::move(logger));
}

void set_level(log_level level) {
    spdlog::set_level(to_spdlog(level));
}

void write(const settings_message& message) {
    using severity = settings_message::severity;
    auto level = spdlog::level::err;
    if (message.level == severity::warning) level = spdlog::level::warn;
    if (message.level == severity::information) level = spdlog::level::info;
    const auto text = to_string(message);
    spdlog::log(level, "settings: {}", text);
}

} // namespace pgweir::log
