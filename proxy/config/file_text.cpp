#include "proxy/config/file_text.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

namespace pgweir {

std::optional<std::string> file_text(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file{std::fopen(path.c_str(), "rbe"),
                                                               &std::fclose};
    if (!file) return std::nullopt;
    std::string text;
    std::array<char, 8192> chunk{};
    while (const auto size = std::fread(chunk.data(), 1, chunk.size(), file.get()))
        text.append(chunk.data(), size);
    if (std::ferror(file.get()) != 0) return std::nullopt;
    return text;
}

} // namespace pgweir
