// How cofferdam reports failure: errors are values.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <utility>

namespace cofferdam {

// A failure that a person can act on. `message` names the place, the thing and, where known, the fix; it is
// lower case and has no full stop. `errnum` is the errno behind it, 0 when there is none. `exit_code` is what
// the command exits with when the error reaches main: 125 our failure, 126 can't execute, 127 not found,
// 2 usage or invalid input.
struct Error {
  std::string message;
  int errnum = 0;
  int exit_code = 125;
};

template <class T>
using Result = std::expected<T, Error>;

[[nodiscard]] inline std::unexpected<Error> fail(std::string message, int errnum = 0, int exit_code = 125) {
  return std::unexpected<Error>(Error{std::move(message), errnum, exit_code});
}

}  // namespace cofferdam
