// What a line looks like, as far as the joiner's rules ask. Pure functions of one line, without its line feed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cofferdam::logs {

// A line that a logger or a program begins anew: it has a date, a time, a level or JSON at its start. Such a line is
// never taken for a further line of an exception's message.
[[nodiscard]] bool stands_alone(std::string_view line);

// A line after which an exception may follow that belongs to it: its level is warning or above, or it speaks of an
// error, an exception or a panic.
[[nodiscard]] bool announces_exception(std::string_view line);

// `Refused: why`: a word with a capital before a colon, and no level.
[[nodiscard]] bool begins_with_label(std::string_view line);

// `java.io.IOException: gone`, `TypeError: x is not a function`, `Error [ERR_X]: text`, `App\Refused`, `Trace$Refused:
// why`: how sure `name`, at the start of a line and followed by `rest`, is that of an exception.
enum class ExceptionName : std::uint8_t {
  none,
  possible,  // a qualified name whose last part begins with a capital, or one word that ends like an error
  probable,  // a qualified name that ends with Exception, Error or Throwable
};
[[nodiscard]] ExceptionName exception_name(std::string_view name, std::string_view rest);

// A last line of a Python traceback: a name, alone or before a colon and a space.
[[nodiscard]] bool python_error(std::string_view line);

// `    at f (/srv/a.js:1:2)`, `    at <anonymous>`: at least four spaces.
[[nodiscard]] bool node_frame(std::string_view line);
// `\tat org.x.Y.z(Y.java:1)`, also behind more tabs, or behind spaces instead.
[[nodiscard]] bool java_frame(std::string_view line);
// `   at X.Y.z(String a) in /src/y.cs:line 1`, six more spaces behind a logger's head; `  at X.Y.z () [0x00] in ...`
// (Mono).
[[nodiscard]] bool dotnet_frame(std::string_view line);
// `main.(*shop).take(0xc000, {0x1, 0x2})`, the line before a place in a goroutine's stack.
[[nodiscard]] bool go_call(std::string_view line);

// `/srv/app/a.js:12`, `node:events:502`: a place in a source file, and nothing else.
[[nodiscard]] bool source_place(std::string_view line);
// Spaces and at least one `^`: below a line of source.
[[nodiscard]] bool caret(std::string_view line);

// `a.rb:1:in `f'`, `a.rb:1:in 'A#f'` and what follows it: nothing (a place), or a colon and a message (a head).
enum class RubyPlace : std::uint8_t { none, place, head };
[[nodiscard]] RubyPlace ruby_place(std::string_view line);

// `a.cpp:3:4: runtime error: text`.
[[nodiscard]] bool undefined_behaviour(std::string_view line);

// `==123==ERROR: `, `==123==WARNING: `: what follows the process's number; empty when it is no such line.
[[nodiscard]] std::string_view after_pid_mark(std::string_view line);

// The name or path that a line begins with: one past it.
[[nodiscard]] std::size_t end_of_name(std::string_view line);

[[nodiscard]] constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
[[nodiscard]] constexpr bool is_capital(char c) {
  return c >= 'A' && c <= 'Z';
}
[[nodiscard]] constexpr bool is_letter(char c) {
  return is_capital(c) || (c >= 'a' && c <= 'z');
}

// The number of spaces and tabs at the start.
[[nodiscard]] constexpr std::size_t indent_of(std::string_view line) {
  std::size_t at = 0;
  while (at < line.size() && (line[at] == ' ' || line[at] == '\t')) ++at;
  return at;
}

}  // namespace cofferdam::logs
