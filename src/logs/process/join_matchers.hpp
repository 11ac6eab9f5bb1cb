// The tests of a line that the tables use: each is a JoinMatch.
#pragma once

#include <algorithm>
#include <string_view>

#include "logs/process/line_shapes.hpp"

namespace cofferdam::logs::match {

using Line = std::string_view;

inline bool starts(Line line, Line text) {
  return line.starts_with(text);
}
inline bool equals(Line line, Line text) {
  return line == text;
}
inline bool any(Line, Line) {
  return true;
}
inline bool blank(Line line, Line) {
  return line.empty();
}
inline bool holds(Line line, Line text) {
  return line.find(text) != Line::npos;
}
// Behind any indent.
inline bool inner(Line line, Line text) {
  return line.substr(indent_of(line)).starts_with(text);
}
// At least as many spaces as `text` is long, and something behind them.
inline bool indented(Line line, Line text) {
  return line.starts_with(text) && indent_of(line) < line.size();
}
// What could be a further line of a message: any line that is not one of a logger.
inline bool text_line(Line line, Line) {
  return !stands_alone(line);
}

inline bool any_caret(Line line, Line) {
  return caret(line);
}
inline bool any_go_call(Line line, Line) {
  return go_call(line);
}
inline bool any_node_frame(Line line, Line) {
  return node_frame(line);
}
inline bool node_frame_with_properties(Line line, Line) {
  return line.ends_with(" {") && node_frame(line);
}
inline bool any_java_frame(Line line, Line) {
  return java_frame(line);
}
inline bool any_dotnet_frame(Line line, Line) {
  return dotnet_frame(line);
}
inline bool any_python_error(Line line, Line) {
  return python_error(line);
}
inline bool any_ruby_head(Line line, Line) {
  return ruby_place(line) == RubyPlace::head;
}
inline bool any_ruby_place(Line line, Line) {
  return ruby_place(line) == RubyPlace::place;
}
inline bool any_source_place(Line line, Line) {
  return source_place(line);
}
inline bool ends_like_properties(Line line, Line) {
  return line.ends_with("] {");
}

// `\t4: from a.rb:1:in ...`: how Ruby 2.5 to 2.7 number a trace that ends with its head.
inline bool numbered_from(Line line, Line) {
  Line rest = line.substr(indent_of(line));
  while (!rest.empty() && is_digit(rest[0])) rest.remove_prefix(1);
  return line.starts_with('\t') && rest.starts_with(": from ");
}
// `  |   File ...`, `  +-+---- 1 ----`, `    | Traceback`: the frame of an exception group.
inline bool group_line(Line line, Line) {
  const std::size_t indent = indent_of(line);
  return indent >= 2 && indent < line.size() && (line[indent] == '|' || line[indent] == '+');
}
// `  File "a.py", line 3` and nothing else: a syntax error in the program itself.
inline bool python_file_alone(Line line, Line) {
  const std::size_t line_number = line.rfind("\", line ");
  return line_number != Line::npos && line.find_first_not_of("0123456789", line_number + 8) == Line::npos;
}
// `   3: core::f`, of a backtrace in Rust.
inline bool rust_call(Line line, Line) {
  Line rest = line.substr(indent_of(line));
  if (rest.size() == line.size() || !is_digit(rest[0])) return false;
  while (!rest.empty() && is_digit(rest[0])) rest.remove_prefix(1);
  return rest.starts_with(": ");
}
// `#12 /srv/a.php(3): f()`, also behind spaces (sanitizers).
inline bool numbered_frame(Line line, Line) {
  const Line rest = line.substr(indent_of(line));
  return rest.size() > 2 && rest[0] == '#' && is_digit(rest[1]);
}
// `rax    0x0`: a processor's registers.
inline bool register_line(Line line, Line) {
  return line.size() > 6 && is_letter(line[0]) && line.find(" 0x") < 9 && line.find_first_not_of(' ', 4) != Line::npos;
}
// ` be  be be 00 00`, below "pointer points here".
inline bool memory_bytes(Line line, Line) {
  return line.starts_with(' ') && line.size() > 30 && line.find_first_not_of(" 0123456789abcdef?") == Line::npos;
}
inline bool equals_signs(Line line, Line) {
  return line.size() >= 18 && line.find_first_not_of('=') == Line::npos;
}
inline bool sanitizer_mark(Line line, Line) {
  const Line rest = after_pid_mark(line);
  return rest.starts_with("ERROR: ") || rest.starts_with("WARNING: ");
}
inline bool pid_mark(Line line, Line) {
  return !after_pid_mark(line).empty();
}
inline bool aborting(Line line, Line) {
  return after_pid_mark(line) == "ABORTING";
}

inline bool php_fatal(Line line, Line) {
  return holds(line, "Fatal error:  Uncaught ") || holds(line, "Fatal error: Uncaught ");
}
// `[23-Nov-2026 05:33:10 UTC] PHP Fatal error:  Uncaught ...`
inline bool php_dated_fatal(Line line, Line text) {
  return line.size() > 12 && line[3] == '-' && line[7] == '-' && php_fatal(line, text);
}
// `thread 'main' panicked at src/main.rs:2:5:`, and the message below; before Rust 1.73 `... panicked at 'text',
// src/...`.
inline bool rust_panic_above(Line line, Line) {
  return line.ends_with(':') && holds(line, " panicked at ");
}
inline bool rust_panic(Line line, Line) {
  return holds(line, " panicked at ") || holds(line, " has overflowed its stack");
}
// `fail: Microsoft.Hosting[11]`: the console logger of ASP.NET puts the message below.
inline bool dotnet_category(Line line, Line) {
  return line.ends_with(']') && line.find('[') != Line::npos && line.find(' ', 6) == Line::npos;
}
// `05:33:16.198 [error] `: Elixir's logger.
inline bool elixir_error(Line line, Line) {
  return line.size() > 12 && line[2] == ':' && line[5] == ':' && line[8] == '.' && line.find(" [error] ", 9) < 64;
}
// `goroutine 7 [running]:`
inline bool goroutine(Line line, Line) {
  const std::size_t digits = line.find_first_not_of("0123456789", 10);
  return line.starts_with("goroutine ") && digits != 10 && digits != Line::npos &&
         line.substr(digits).starts_with(" [");
}
// `** (RuntimeError) text`
inline bool elixir_exception(Line line, Line) {
  const std::size_t close = line.find(") ", 4);
  if (close == Line::npos || close < 7) return false;
  const Line name = line.substr(4, close - 4);
  return name == "exit" || name == "throw" || name == "stop" ||
         (is_capital(name[0]) &&
          std::ranges::all_of(name, [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_'; }));
}
inline bool go_signal(Line line, Line) {
  const std::size_t colon = line.find(": ");
  return colon < 10 && std::all_of(line.begin(), line.begin() + static_cast<std::ptrdiff_t>(colon), is_capital);
}

}  // namespace cofferdam::logs::match
