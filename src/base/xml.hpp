// Text for XML 1.0.
#pragma once

#include <string>
#include <string_view>

namespace cofferdam::base {

// Escaped for an element or an attribute in double quotes. XML 1.0 has no place for control characters: what
// printable() makes of them stands there as text; line feeds stay.
[[nodiscard]] std::string xml_text(std::string_view text);

// ` name="value"`
[[nodiscard]] std::string xml_attribute(std::string_view name, std::string_view value);

}  // namespace cofferdam::base
