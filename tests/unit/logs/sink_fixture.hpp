// Sinks of a policy, for tests.
#pragma once

#include <string>
#include <utility>

#include "cofferdam/logs.hpp"

namespace cofferdam::logs {

inline LogSink file_sink(const std::string& path, Origin origin = {}) {
  LogSink sink;
  sink.type = LogSink::Type::file;
  sink.path = path;
  sink.origin = std::move(origin);
  return sink;
}

}  // namespace cofferdam::logs
