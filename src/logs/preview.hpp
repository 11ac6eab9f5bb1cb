// What the sinks of a policy would receive, without any of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cofferdam/logs.hpp"
#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"
#include "logs/pump.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

struct PreviewRequest {
  Logs logs;                         // addresses may still be references to the environment: nothing is sent
  std::vector<std::string> secrets;  // values that no record may show
  std::string instance;              // "web.1"
  int input = 0;                     // read to its end; made non-blocking
  Stream stream = Stream::out;       // what the app writes it to: stdout or stderr
  Format format = Format::json;      // of a console whose sink does not say
};

struct SinkPreview {
  std::string name;
  LogSink::Type type = LogSink::Type::console;
  std::uint64_t records = 0;
  kernel::Fd bytes;  // at its beginning; of a console or file in its own format, else the records as JSON Lines
};

// Runs a pump over the input, with memory in the place of each sink; in the order of the policy, the console where it
// has none. Ignores the signals that run_pump() ignores. Errors: no memory.
[[nodiscard]] Result<std::vector<SinkPreview>> preview(const PreviewRequest& request);

}  // namespace cofferdam::logs
