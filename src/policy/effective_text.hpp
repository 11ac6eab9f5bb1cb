// Values as YAML.
#pragma once

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "cofferdam/diagnostic.hpp"

namespace cofferdam::policy {

[[nodiscard]] std::string quoted(std::string_view text);
[[nodiscard]] std::string quoted_list(std::span<const std::string> texts);
// "512MiB", "1KiB": in the largest unit that leaves a whole number; whole KiB only.
[[nodiscard]] std::string size_text(std::uint64_t bytes);
// "10s", "1500ms"
[[nodiscard]] std::string duration_text(std::chrono::milliseconds time);
// "  # cofferdam.yaml:12", or nothing for what stands in no file.
[[nodiscard]] std::string origin_comment(const Origin& origin);

}  // namespace cofferdam::policy
