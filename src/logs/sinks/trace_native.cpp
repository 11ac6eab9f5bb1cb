// Go and Rust.
#include "logs/sinks/trace_readers.hpp"

namespace cofferdam::logs::trace {

namespace {

// "\t/srv/app/main.go:19 +0x3e fp=..."
bool read_go_place(std::string_view line, StackFrame& frame) {
  if (!take(line, "\t")) return false;
  line = line.substr(0, line.find(" +0x"));
  const auto number = take_number(line);
  if (!number || line.empty()) return false;
  frame.file = line;
  frame.line = *number;
  return true;
}

std::string_view go_function(std::string_view line) {
  if (take(line, "created by ")) return line.substr(0, line.find(" in goroutine "));
  return line.ends_with(')') ? line.substr(0, line.rfind('(')) : std::string_view();
}

// "FILE:LINE:COLUMN"
bool read_rust_place(std::string_view text, StackFrame& frame) {
  const auto column = take_number(text);
  const auto line = column ? take_number(text) : std::nullopt;
  if (!line || text.empty()) return false;
  frame.file = text;
  frame.line = *line;
  frame.column = *column;
  return true;
}

}  // namespace

Trace read_go(const Lines& lines) {
  const auto goroutine = std::ranges::find_if(
      lines, [](std::string_view line) { return line.starts_with("goroutine ") && line.ends_with("]:"); });
  if (goroutine == lines.end() || goroutine == lines.begin()) return std::nullopt;
  StackTrace trace;
  trace.platform = "go";
  StackException exception;
  std::size_t at = 0;
  const auto end = static_cast<std::size_t>(goroutine - lines.begin());
  for (; at < end && exception.type.empty(); ++at) {
    std::string_view line = lines[at];
    if (take(line, "panic: ")) {
      exception.type = "panic";
    } else if (take(line, "fatal error: ")) {
      exception.type = "fatal error";
    } else if (const std::size_t serving = line.find("http: panic serving "); serving != std::string_view::npos) {
      const std::size_t colon = line.find(": ", serving + 20);
      if (colon == std::string_view::npos) return std::nullopt;
      exception.type = "panic";
      line.remove_prefix(colon + 2);
    }
    if (!exception.type.empty()) exception.value = trim(span_of(line, lines[end - 1]));
  }
  if (exception.type.empty()) return std::nullopt;
  trace.head = head_of(lines, at - 1);
  for (at = end + 1; at + 1 < lines.size(); at += 2) {
    StackFrame frame;
    frame.function = go_function(lines[at]);
    if (frame.function.empty() || !read_go_place(lines[at + 1], frame)) break;
    frame.in_app = !frame.function.starts_with("runtime.") &&
                   !contains_any(frame.file, {"/go/src/", "/lib/go", "/pkg/mod/", "/vendor/"});
    exception.frames.push_back(frame);
  }
  if (exception.frames.empty()) return std::nullopt;
  trace.exceptions.push_back(std::move(exception));
  turn_frames(trace);
  return trace;
}

Trace read_rust(const Lines& lines) {
  constexpr std::string_view kPanicked = " panicked at ";
  const auto found = std::ranges::find_if(
      lines, [&](std::string_view line) { return line.starts_with("thread '") && line.contains(kPanicked); });
  if (found == lines.end()) return std::nullopt;
  const auto is_end = [](std::string_view line) { return line == "stack backtrace:" || line.starts_with("note: "); };
  const auto start = static_cast<std::size_t>(found - lines.begin());
  const auto end = static_cast<std::size_t>(std::find_if(found, lines.end(), is_end) - lines.begin());
  StackTrace trace;
  trace.platform = "native";
  trace.head = head_of(lines, start);
  StackException exception;
  exception.type = "panic";
  StackFrame place;
  std::string_view rest = lines[start].substr(lines[start].find(kPanicked) + kPanicked.size());
  if (rest.ends_with(':')) {
    rest.remove_suffix(1);
    if (start + 1 < end) exception.value = trim(span_of(lines[start + 1], lines[end - 1]));
  } else {  // before 1.73: 'MESSAGE', FILE:LINE:COLUMN
    rest = span_of(rest, lines[end - 1]);
    const std::size_t quote = rest.rfind("', ");
    if (!rest.starts_with('\'') || quote == std::string_view::npos) return std::nullopt;
    exception.value = rest.substr(1, quote - 1);
    rest.remove_prefix(quote + 3);
  }
  if (!read_rust_place(trim(rest), place)) return std::nullopt;

  for (std::size_t at = end + 1; at < lines.size() && lines[end] == "stack backtrace:"; ++at) {
    std::string_view line = trim(lines[at]);
    if (take(line, "at ")) {
      if (!exception.frames.empty()) (void)read_rust_place(line, exception.frames.back());
      continue;
    }
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos || !is_digits(line.substr(0, colon))) break;
    StackFrame frame;
    frame.function = line.substr(colon + 2);
    exception.frames.push_back(frame);
  }
  for (StackFrame& frame : exception.frames) {
    frame.in_app = !starts_with_any(frame.function, {"std::", "core::", "alloc::", "__rust", "rust_begin_unwind"}) &&
                   !contains_any(frame.file, {"/rustc/", "/.cargo/registry/"});
  }
  if (exception.frames.empty()) exception.frames.push_back(place);
  trace.exceptions.push_back(std::move(exception));
  turn_frames(trace);
  return trace;
}

}  // namespace cofferdam::logs::trace
