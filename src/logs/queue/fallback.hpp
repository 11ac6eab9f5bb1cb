// The file for records that could never be delivered.
#pragma once

#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

// What every line of it says beside the record.
struct FallbackLine {
  std::string_view instance;
  std::string_view sink;    // LogSink::name
  std::string_view reason;  // why it is here: "400 Bad Request"
};

// Appends the record as a JSON line, as the console and files have it, with "sink" and "reason" at its end; a gap with
// "gap":{"first","last","count"}. False when it could not be written whole.
[[nodiscard]] bool append_fallback(int fd, const Record& record, const FallbackLine& line);

}  // namespace cofferdam::logs
