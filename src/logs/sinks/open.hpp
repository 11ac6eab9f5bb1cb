// Opens the sinks of a policy before the app starts, so that a mistake is told while there is still somebody to tell.
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "cofferdam/policy.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam::logs {

inline constexpr std::size_t kMaxSinks = 8;

// A sink of the policy that is ready for the pump. Owns its descriptor (-1: it needs none so far), close-on-exec.
class OpenSink {
 public:
  OpenSink(LogSink sink, int fd) : sink_(std::move(sink)), fd_(fd) {}
  OpenSink(OpenSink&& other) noexcept : sink_(std::move(other.sink_)), fd_(std::exchange(other.fd_, -1)) {}
  OpenSink& operator=(OpenSink&& other) noexcept;
  OpenSink(const OpenSink&) = delete;
  OpenSink& operator=(const OpenSink&) = delete;
  ~OpenSink();

  [[nodiscard]] const LogSink& sink() const { return sink_; }
  [[nodiscard]] LogSink::Type type() const { return sink_.type; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  LogSink sink_;
  int fd_;
};

// In the order of the policy; no sink in the policy means the console. Files are created with mode 0640 and appended
// to. Errors name the path, the place in the policy and what to do; more than kMaxSinks sinks are an error.
[[nodiscard]] Result<std::vector<OpenSink>> open_sinks(const std::vector<LogSink>& sinks);

// "console", "file", "otlp", ... as policies and the report name it.
[[nodiscard]] const char* to_string(LogSink::Type type);

}  // namespace cofferdam::logs
