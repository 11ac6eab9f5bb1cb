// What a stack trace in a record says: which exceptions, and where.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::logs {

// All texts are views of the record; empty: not said.
struct StackFrame {
  std::string_view function;
  std::string_view module;  // Java: the class
  std::string_view file;    // as it was written
  std::uint32_t line = 0;
  std::uint32_t column = 0;
  std::string_view source;  // Python: the line of the program
  bool in_app = true;       // not of the runtime or of an installed package, as far as its place tells
};

struct StackException {
  std::string_view type;           // "java.lang.IllegalStateException"; "panic" of Go and Rust
  std::string_view value;          // the message, which may be of several lines
  std::vector<StackFrame> frames;  // the innermost call last
};

struct StackTrace {
  std::string_view platform;               // Sentry's name: "python", "java", "node", ...
  std::string_view head;                   // what the record says before: the line of the logger
  std::vector<StackException> exceptions;  // a cause before what it caused; at least one
};

// Reads traces as Python, Java, Node, .NET, Go, Ruby, PHP and Rust print them and as the joiner puts them into one
// record. Nothing: it is none of these, or parts of it can't be told with certainty; suppressed exceptions, the members
// of groups and goroutines but the first are left out. The time is linear in the text.
[[nodiscard]] std::optional<StackTrace> parse_stack_trace(std::string_view text);

}  // namespace cofferdam::logs
