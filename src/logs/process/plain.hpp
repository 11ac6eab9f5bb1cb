// Whether anything is to be done with lines at all.
#pragma once

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

// Nothing in `parse` changes or holds a line: the app's bytes may pass as they are.
[[nodiscard]] inline bool is_plain(const LogParse& parse) {
  return parse.json == LogStructured::keep && parse.logfmt == LogStructured::keep && parse.multiline.empty() &&
         !parse.strip_ansi && parse.redact.empty() && parse.redact_values.empty() && parse.rate == 0 &&
         parse.sample == 1;
}

// What must be done to lines even when nothing else may be.
[[nodiscard]] inline LogParse only_redacted(const LogParse& parse) {
  LogParse rest;
  rest.redact = parse.redact;
  rest.redact_values = parse.redact_values;
  return rest;
}

}  // namespace cofferdam::logs
