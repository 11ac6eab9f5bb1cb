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

// A sink of the policy that is ready for the pump. Owns its descriptor (-1: the console needs none), close-on-exec.
class OpenSink {
 public:
  OpenSink(LogSink::Type type, std::string path, int fd) : type_(type), path_(std::move(path)), fd_(fd) {}
  OpenSink(OpenSink&& other) noexcept
      : type_(other.type_), path_(std::move(other.path_)), fd_(std::exchange(other.fd_, -1)) {}
  OpenSink& operator=(OpenSink&& other) noexcept;
  OpenSink(const OpenSink&) = delete;
  OpenSink& operator=(const OpenSink&) = delete;
  ~OpenSink();

  [[nodiscard]] LogSink::Type type() const { return type_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  LogSink::Type type_;
  std::string path_;
  int fd_;
};

// In the order of the policy; no sink in the policy means the console. Files are created with mode 0640 and appended
// to. Errors name the path, the place in the policy and what to do; more than kMaxSinks sinks are an error.
[[nodiscard]] Result<std::vector<OpenSink>> open_sinks(const std::vector<LogSink>& sinks);

// "console" or "file", as the report names it.
[[nodiscard]] const char* to_string(LogSink::Type type);

}  // namespace cofferdam::logs
