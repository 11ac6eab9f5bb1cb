// Python, Ruby and PHP.
#include "logs/sinks/trace_readers.hpp"

namespace cofferdam::logs::trace {

namespace {

// --- Python: traceback.print_exception()

constexpr std::string_view kTraceback = "Traceback (most recent call last):";

// The members of a group stand in a tree drawn with + and |; its own part comes first.
std::string_view without_margin(std::string_view line, std::string_view margin, bool group) {
  (void)take(line, margin);
  if (!group) return line;
  std::string_view inner = line;
  inner.remove_prefix(std::min(inner.find_first_not_of(' '), inner.size()));
  if (take(inner, "| ") || take(inner, "|")) return inner;
  return line;
}

bool read_python_frame(std::string_view line, StackFrame& frame) {
  if (!take(line, "  File \"")) return false;
  const std::size_t quote = line.find("\", line ");
  if (quote == std::string_view::npos) return false;
  frame.file = line.substr(0, quote);
  line.remove_prefix(quote + 7);
  const std::size_t in = line.find(", in ");
  std::string_view number = line.substr(0, in);
  const auto parsed = take_number(number, ' ');
  if (!parsed) return false;
  frame.line = *parsed;
  if (in != std::string_view::npos) frame.function = line.substr(in + 5);
  frame.in_app = !contains_any(frame.file, {"/site-packages/", "/dist-packages/", "/lib/python", "<frozen "});
  return true;
}

bool is_python_link(std::string_view line) {
  return line.starts_with("During handling of the above exception") ||
         line.starts_with("The above exception was the direct cause");
}

// --- Ruby: FILE:LINE:in `METHOD'

bool read_ruby_place(std::string_view& line, StackFrame& frame) {
  const std::size_t in = line.find(":in ");
  if (in == std::string_view::npos) return false;
  std::string_view place = line.substr(0, in);
  const auto number = take_number(place);
  std::string_view rest = line.substr(in + 4);
  if (!number || place.empty() || (!take(rest, "`") && !take(rest, "'"))) return false;
  const std::size_t quote = rest.find('\'');
  if (quote == std::string_view::npos) return false;
  frame.file = place;
  frame.line = *number;
  frame.function = rest.substr(0, quote);
  frame.in_app = !contains_any(place, {"/gems/", "/lib/ruby/", "<internal:"});
  line = rest.substr(quote + 1);
  return true;
}

// "MESSAGE (TYPE)"
bool read_ruby_type(std::string_view text, StackException& exception) {
  const std::size_t open = text.rfind(" (");
  if (open == std::string_view::npos || !text.ends_with(')')) return false;
  exception.type = text.substr(open + 2, text.size() - open - 3);
  exception.value = text.substr(0, open);
  return is_type(exception.type);
}

// --- PHP: TYPE: MESSAGE in FILE:LINE

bool read_php_place(std::string_view& text, StackFrame& frame, std::string_view between, char before) {
  std::string_view rest = text;
  const auto number = take_number(rest, before);
  const std::size_t at = rest.rfind(between);
  if (!number || at == std::string_view::npos) return false;
  frame.line = *number;
  frame.file = rest.substr(at + between.size());
  frame.in_app = !frame.file.contains("/vendor/");
  text = rest.substr(0, at);
  return true;
}

// "#1 FILE(LINE): CALL" or "#1 [internal function]: CALL"; `frame` is where, the return what was called.
std::optional<std::string_view> read_php_call(std::string_view line, StackFrame& frame) {
  const std::size_t blank = line.find(' ');
  if (!line.starts_with('#') || blank == std::string_view::npos || !is_digits(line.substr(1, blank - 1))) return {};
  line.remove_prefix(blank + 1);
  if (line == "{main}") return line;
  const std::size_t colon = line.find(": ");
  if (colon == std::string_view::npos) return {};
  const std::string_view call = line.substr(colon + 2);
  std::string_view place = line.substr(0, colon);
  if (place.ends_with(')')) {
    place.remove_suffix(1);
    if (const auto number = take_number(place, '(')) frame.line = *number;
  }
  frame.file = place;
  frame.in_app = place != "[internal function]" && !place.contains("/vendor/");
  return call.substr(0, call.find('('));
}

}  // namespace

Trace read_python(const Lines& lines) {
  StackTrace trace;
  trace.platform = "python";
  std::size_t at = 0;
  std::string_view margin;
  bool group = false;
  for (; at < lines.size(); ++at) {
    const std::size_t found = lines[at].find(kTraceback);
    if (found == std::string_view::npos) continue;
    group = lines[at].substr(0, found).ends_with("+ Exception Group ");
    margin = group ? std::string_view() : lines[at].substr(0, found);
    if (!margin.empty() && !trim(margin).empty()) margin = {};  // the logger's words, on the same line
    break;
  }
  if (at == lines.size()) return std::nullopt;
  trace.head = head_of(lines, at);

  while (at < lines.size()) {
    StackException exception;
    for (++at; at < lines.size(); ++at) {
      const std::string_view line = without_margin(lines[at], margin, group);
      StackFrame frame;
      if (read_python_frame(line, frame)) {
        exception.frames.push_back(frame);
      } else if (!line.starts_with(' ')) {
        break;
      } else if (!exception.frames.empty() && exception.frames.back().source.empty() &&
                 line.find_first_not_of(" ^~") != std::string_view::npos) {
        exception.frames.back().source = trim(line);
      }
    }
    if (at == lines.size() || exception.frames.empty()) break;
    if (!read_type(without_margin(lines[at], margin, group), exception)) break;
    const std::string_view first = exception.value;
    std::size_t last = at;
    for (++at; at < lines.size(); ++at) {
      const std::string_view line = without_margin(lines[at], margin, group);
      if (is_python_link(line) || line.contains(kTraceback) || (group && line.contains("+-"))) break;
      last = at;
    }
    // Lines with a margin are no message of their own.
    exception.value = margin.empty() && !group ? trim(span_of(first, lines[last])) : trim(first);
    trace.exceptions.push_back(std::move(exception));
    if (group) break;
    while (at < lines.size() && !lines[at].contains(kTraceback)) ++at;
  }
  if (trace.exceptions.empty()) return std::nullopt;
  return trace;
}

Trace read_ruby(const Lines& lines) {
  StackTrace trace;
  trace.platform = "ruby";
  for (std::size_t at = 0; at < lines.size(); ++at) {
    std::string_view line = lines[at];
    StackFrame frame;
    const bool indented = line.starts_with("\tfrom ");
    if (indented) line.remove_prefix(6);
    if (!read_ruby_place(line, frame)) {
      if (trace.exceptions.empty() && at > 0) return std::nullopt;
      StackException exception;
      StackFrame next;
      std::string_view following = at + 1 < lines.size() ? lines[at + 1] : std::string_view();
      // A logger's line, with the calls below it.
      if (at == 0 && read_ruby_type(line, exception) && read_ruby_place(following, next) && following.empty()) {
        if (const std::size_t logger = exception.value.find(" -- : "); logger != std::string_view::npos) {
          trace.head = exception.value.substr(0, logger);
          exception.value.remove_prefix(logger + 6);
        }
        trace.exceptions.push_back(exception);
      }
      continue;
    }
    if (!indented && take(line, ": ")) {
      StackException exception;
      if (!read_ruby_type(line, exception)) return std::nullopt;
      exception.frames.push_back(frame);
      trace.exceptions.push_back(std::move(exception));
    } else if (!trace.exceptions.empty()) {
      trace.exceptions.back().frames.push_back(frame);
    }
  }
  if (trace.exceptions.empty()) return std::nullopt;
  turn_frames(trace);
  std::ranges::reverse(trace.exceptions);
  return trace;
}

Trace read_php(const Lines& lines) {
  StackTrace trace;
  trace.platform = "php";
  std::size_t start = 0;  // of the exception's words
  for (std::size_t at = 1; at < lines.size(); ++at) {
    if (lines[at] != "Stack trace:") continue;
    std::string_view text = trim(span_of(lines[start], lines[at - 1]));
    if (trace.exceptions.empty()) {
      if (const std::size_t uncaught = text.find("Uncaught "); uncaught != std::string_view::npos) {
        text.remove_prefix(uncaught + 9);
      }
    } else if (!take(text, "Next ")) {
      break;
    }
    StackException exception;
    StackFrame frame;
    if (!read_php_place(text, frame, " in ", ':') || !read_type(text, exception)) return std::nullopt;
    bool main = false;
    for (++at; at < lines.size() && !main; ++at) {
      StackFrame outer;
      const auto call = read_php_call(lines[at], outer);
      if (!call) break;
      main = *call == "{main}";
      frame.function = *call;
      exception.frames.push_back(frame);
      frame = outer;
    }
    start = at--;
    if (exception.frames.empty()) exception.frames.push_back(frame);
    std::ranges::reverse(exception.frames);
    trace.exceptions.push_back(std::move(exception));
    if (start >= lines.size()) break;
  }
  if (trace.exceptions.empty()) return std::nullopt;
  return trace;
}

}  // namespace cofferdam::logs::trace
