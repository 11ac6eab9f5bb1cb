// The `.env` files that `environment.files` names.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cofferdam/diagnostic.hpp"

namespace cofferdam::policy {

inline constexpr std::size_t kMaxDotenvBytes = 1024 * 1024;

using Variables = std::vector<std::pair<std::string, std::string>>;

// Reads the text of a .env file. Nothing is expanded or run: what stands there is the value.
//
//   file    = { line }
//   line    = blanks [ [ "export" blanks ] NAME "=" value ] blanks [ comment ]
//   NAME    = letter or '_', then letters, digits and '_'; no blanks around '='
//   value   = single | double | plain
//   single  = "'" any characters but "'" "'"           as they stand, line ends too
//   double  = '"' any characters '"'                   \n \r \t \" \\ \$ are escapes, any other backslash stands
//                                                      for itself; line ends are part of the value
//   plain   = the rest of the line without outer blanks, up to a '#' that follows a blank
//   comment = '#' to the end of the line
//
// Lines end with LF or CR LF. UTF-8, no NUL, a byte order mark is skipped, at most kMaxDotenvBytes. The result is
// in file order; of a name given twice the later one counts, as in a shell, and both are there. All mistakes are
// reported (CD910), with `file` as given. Values are secrets: no message repeats one.
[[nodiscard]] std::expected<Variables, std::vector<Diagnostic>> parse_dotenv(std::string_view text,
                                                                             const std::string& file);

}  // namespace cofferdam::policy
