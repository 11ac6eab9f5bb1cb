// Texts against what is expected of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/test_case.hpp"

namespace cofferdam::harness {

// Whether a line of `text` matches an extended regular expression somewhere.
[[nodiscard]] bool a_line_matches(std::string_view text, const std::string& regex);

// What of the matcher does not hold for `text`, as sentences that begin with `what`: "stdout does not contain 'x'".
[[nodiscard]] std::vector<std::string> mismatches(const TextMatcher& matcher, std::string_view text,
                                                  const std::string& what);

// `pattern` may have * and ?. Whether it is the name, the path or the whole command line of a program.
[[nodiscard]] bool is_program(std::string_view pattern, std::string_view exe, const std::vector<std::string>& argv);

// * and ? match any letters. "localhost:5432" is 127.0.0.1:5432 and [::1]:5432, too.
[[nodiscard]] bool is_destination(std::string_view pattern, std::string_view destination);

// `text`, made printable, in quotes, shortened for a message.
[[nodiscard]] std::string shown(std::string_view text);

}  // namespace cofferdam::harness
