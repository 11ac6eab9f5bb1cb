// Values in the words of a shell, of YAML and of the engines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cofferdam::exporting {

// Quoted for sh(1) where it needs to be.
[[nodiscard]] std::string shell_word(std::string_view text);
// A YAML scalar in double quotes.
[[nodiscard]] std::string quoted(std::string_view text);
// Compose takes `$NAME` for a variable and `$$` for a dollar.
[[nodiscard]] std::string dollars_doubled(std::string_view text);
// "64m", "3k" or bytes: what mount(8) and docker take.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);
// 1500 -> "1.5"
[[nodiscard]] std::string thousandths(std::uint64_t value);
// "web-data-db" for /data/db
[[nodiscard]] std::string volume_name(std::string_view name, std::string_view path);

}  // namespace cofferdam::exporting
