// Records back to the bytes that they came from.
#pragma once

#include "logs/out_buffer.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

inline void append_raw(const Record& record, OutBuffer& out) {
  out.append(record.message);
  if (record.partial_last && record.eol) out.append('\n');
}

}  // namespace cofferdam::logs
