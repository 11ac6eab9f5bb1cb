// Opens the sinks of a policy before the app starts, so that a mistake is told while there is still somebody to tell.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "cofferdam/policy.hpp"
#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"
#include "logs/sinks/rotation.hpp"

namespace cofferdam::logs {

// A sink of the policy that is ready for the pump, with the descriptors that it needs: of its file, of the directory in
// which that is rotated, and of the file for what could never be delivered.
struct OpenSink {
  LogSink sink;
  kernel::Fd file;
  kernel::Fd fallback;
  FilePlace place;  // empty when `file` is a pipe or a device, which is only written

  // It has a queue and a thread: it may wait for a network, or must not make the app wait.
  [[nodiscard]] bool is_queued() const {
    const bool remote = sink.type != LogSink::Type::console && sink.type != LogSink::Type::file;
    return remote || sink.when_full != LogSink::WhenFull::block;
  }
};

// In the order of the policy; no sink in the policy means the console. Files are created with mode 0640 and appended
// to. Errors name the path, the place in the policy and what to do; more than kMaxLogSinks sinks are an error.
[[nodiscard]] Result<std::vector<OpenSink>> open_sinks(const std::vector<LogSink>& sinks);

// "console", "file", "otlp", ... as policies and the report name it.
[[nodiscard]] const char* to_string(LogSink::Type type);

}  // namespace cofferdam::logs
