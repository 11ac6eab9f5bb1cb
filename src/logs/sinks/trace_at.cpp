// Java, Node and .NET, whose calls are lines with "at".
#include <array>

#include "logs/sinks/trace_readers.hpp"

namespace cofferdam::logs::trace {

namespace {

using ReadFrame = bool (*)(std::string_view call, StackFrame& frame);

bool take_at(std::string_view& line) {
  if (!line.starts_with(' ') && !line.starts_with('\t')) return false;
  line = trim(line);
  return take(line, "at ");
}

bool is_frame(std::string_view line, ReadFrame read) {
  StackFrame frame;
  return take_at(line) && read(line, frame);
}

// shop.Order.take(Order.java:12) ~[shop.jar:1.2]
bool read_java_frame(std::string_view call, StackFrame& frame) {
  const std::size_t open = call.find('(');
  const std::size_t close = open == std::string_view::npos ? open : call.find(')', open);
  if (close == std::string_view::npos || open == 0 || call.substr(0, open).contains(' ')) return false;
  std::string_view name = call.substr(0, open);
  if (const std::size_t slash = name.rfind('/'); slash != std::string_view::npos) name.remove_prefix(slash + 1);
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos) return false;
  std::string_view place = call.substr(open + 1, close - open - 1);
  const auto number = take_number(place);
  constexpr std::array<std::string_view, 3> kPlaces = {"Native Method", "Unknown Source", "<generated>"};
  if (!number && std::ranges::find(kPlaces, place) == kPlaces.end() && !place.ends_with(".java")) return false;
  if (number && (place.find_first_of(" ,/:") != std::string_view::npos || !place.contains('.'))) return false;
  frame.module = name.substr(0, dot);
  frame.function = name.substr(dot + 1);
  if (place.contains('.')) frame.file = place;
  frame.line = number.value_or(0);
  frame.in_app = !starts_with_any(
      name, {"java.", "javax.", "jdk.", "sun.", "com.sun.", "jakarta.", "kotlin.", "kotlinx.", "scala.", "groovy.",
             "org.springframework.", "org.apache.", "org.hibernate.", "org.eclipse.jetty.", "io.netty.",
             "ch.qos.logback.", "com.fasterxml.jackson.", "reactor."});
  return true;
}

// take (/srv/app/shop.js:12:5), async take (...), /srv/app/shop.js:12:5
bool read_node_frame(std::string_view call, StackFrame& frame) {
  if (call.ends_with(" {")) call.remove_suffix(2);
  if (call.ends_with(',')) call.remove_suffix(1);
  std::string_view place = call;
  if (call.ends_with(')')) {
    const std::size_t open = call.rfind(" (");
    if (open == std::string_view::npos) return false;
    place = call.substr(open + 2, call.size() - open - 3);
    frame.function = call.substr(0, open);
  }
  if (place != "<anonymous>" && place != "native") {
    const auto column = take_number(place);
    const auto line = column ? take_number(place) : std::nullopt;
    if (!line) return false;
    frame.line = *line;
    frame.column = *column;
  } else if (frame.function.empty()) {
    return false;
  }
  (void)take(place, "file://");
  frame.file = place;
  frame.in_app = !place.contains("/node_modules/") && !starts_with_any(place, {"node:", "internal/", "<", "native"});
  return true;
}

// Shop.Order.Take(Item item) in /src/Order.cs:line 31; Mono: Shop.Deep (System.Int32 depth) [0x1a] in /src/a.cs:14
bool read_dotnet_frame(std::string_view call, StackFrame& frame) {
  const std::size_t open = call.find('(');
  if (open == std::string_view::npos || open == 0 || !call.contains(')')) return false;
  const std::string_view name = trim(call.substr(0, open));
  if (!name.contains('.') || name.contains(' ')) return false;
  frame.function = name;
  if (const std::size_t in = call.rfind(" in "); in != std::string_view::npos) {
    std::string_view place = trim(call.substr(in + 4));
    if (place.ends_with("<---")) place.remove_suffix(4);
    auto number = take_number(place, ' ');
    if (number && place.ends_with(":line")) {
      place.remove_suffix(5);
    } else {
      number = take_number(place);
    }
    frame.line = number.value_or(0);
    if (!place.starts_with('<')) frame.file = place;
  }
  frame.in_app = !starts_with_any(name, {"System.", "Microsoft.", "Mono."});
  return true;
}

bool names_an_error(std::string_view type) {
  return contains_any(type, {"Exception", "Error", "Throwable"});
}

// The line above the calls where the exception is named, and what stands before the name.
std::optional<std::size_t> find_header(const Lines& lines, std::size_t frame, StackException& exception) {
  for (std::size_t at = frame; at-- > 0;) {
    StackException candidate;
    std::string_view line = trim(lines[at]);
    if (take(line, "Exception in thread \"")) line = line.substr(std::min(line.find("\" ") + 2, line.size()));
    for (const std::string_view prefix :
         {"Unhandled exception. ", "[ERROR] FATAL UNHANDLED EXCEPTION: ", "Uncaught "}) {
      (void)take(line, prefix);
    }
    // "TypeError [CODE]: ..." of Node
    const std::size_t bracket = line.find(" [");
    const std::size_t colon = line.find("]: ");
    if (bracket < colon && colon != std::string_view::npos && is_type(line.substr(0, bracket))) {
      candidate.type = line.substr(0, bracket);
      candidate.value = line.substr(colon + 3);
    } else if (!read_type(line, candidate) || candidate.type == "java.lang.Thread.State") {  // of a thread dump
      continue;
    }
    const bool qualified =
        candidate.type.find_first_of(".$") != std::string_view::npos && !candidate.type.contains('/');
    // A name that could be any word counts only right above the calls.
    if (!names_an_error(candidate.type) && !qualified && at + 1 != frame) continue;
    exception.type = candidate.type;
    exception.value = candidate.value;
    return at;
  }
  return std::nullopt;
}

std::size_t first_frame(const Lines& lines, ReadFrame read) {
  const auto found = std::ranges::find_if(lines, [&](std::string_view line) { return is_frame(line, read); });
  return static_cast<std::size_t>(found - lines.begin());
}

std::size_t indent(std::string_view line) {
  return std::min(line.find_first_not_of(" \t"), line.size());
}

void turn(StackTrace& trace) {
  turn_frames(trace);
  std::ranges::reverse(trace.exceptions);
}

}  // namespace

Trace read_java(const Lines& lines) {
  const std::size_t first = first_frame(lines, read_java_frame);
  if (first == lines.size()) return std::nullopt;
  StackTrace trace;
  trace.platform = "java";
  StackException exception;
  const auto header = find_header(lines, first, exception);
  if (!header || exception.type == "java.lang.Thread.State") return std::nullopt;  // a dump of threads
  exception.value = trim(span_of(exception.value, lines[first - 1]));
  trace.head = head_of(lines, *header);
  trace.exceptions.push_back(std::move(exception));
  const std::size_t margin = indent(lines[first]);
  std::string_view* value = nullptr;  // that goes on over several lines
  for (std::size_t at = first; at < lines.size(); ++at) {
    std::string_view line = lines[at];
    StackFrame frame;
    std::string_view call = line;
    if (take_at(call) && read_java_frame(call, frame)) {
      value = nullptr;
      if (indent(line) == margin) trace.exceptions.back().frames.push_back(frame);  // deeper: of a suppressed one
    } else if (StackException cause; take(line, "Caused by: ") && read_type(line, cause)) {
      trace.exceptions.push_back(std::move(cause));
      value = &trace.exceptions.back().value;
    } else if (value != nullptr && !trim(line).starts_with("... ")) {
      *value = trim(span_of(*value, line));
    }
  }
  turn(trace);
  return trace;
}

Trace read_node(const Lines& lines) {
  const std::size_t first = first_frame(lines, read_node_frame);
  if (first == lines.size() || first == 0) return std::nullopt;
  StackTrace trace;
  trace.platform = "node";
  StackException exception;
  if (const auto header = find_header(lines, first, exception)) {
    trace.head = head_of(lines, *header);
    exception.value = trim(span_of(exception.value, lines[first - 1]));
  } else {
    exception.type = "Error";
    exception.value = trim(lines[first - 1]);
    trace.head = head_of(lines, first - 1);
  }
  // Before an uncaught one, Node prints the line of the program with a mark below.
  if (trace.head.ends_with('^')) trace.head = {};
  trace.exceptions.push_back(std::move(exception));
  bool ended = false;
  for (std::size_t at = first; at < lines.size(); ++at) {
    std::string_view call = lines[at];
    StackFrame frame;
    if (take_at(call) && read_node_frame(call, frame)) {
      if (!ended) trace.exceptions.back().frames.push_back(frame);
      continue;
    }
    std::string_view line = trim(lines[at]);
    if (StackException cause; take(line, "[cause]: ") && read_type(line, cause)) {
      trace.exceptions.push_back(std::move(cause));
      ended = false;
    } else if (!line.starts_with("... ")) {
      ended = !trace.exceptions.back().frames.empty();
    }
  }
  turn(trace);
  return trace;
}

Trace read_dotnet(const Lines& lines) {
  const std::size_t first = first_frame(lines, read_dotnet_frame);
  if (first == lines.size() || first == 0) return std::nullopt;
  StackTrace trace;
  trace.platform = "csharp";
  // Inner exceptions stand before the calls: on lines with an arrow, or (Mono) behind one on the same line.
  std::size_t named = first;
  while (named > 1 && trim(lines[named - 1]).starts_with("---> ")) --named;
  StackException outer;
  const auto header = find_header(lines, named, outer);
  if (!header) return std::nullopt;
  trace.head = head_of(lines, *header);
  std::string_view rest = trim(span_of(outer.value, lines[first - 1]));
  for (StackException exception = outer;;) {
    const std::size_t arrow = rest.find("---> ");
    exception.value = trim(rest.substr(0, arrow));
    trace.exceptions.push_back(exception);
    if (arrow == std::string_view::npos) break;
    rest.remove_prefix(arrow + 5);
    if (!read_type(rest, exception)) break;
    rest = exception.value;
  }
  std::size_t open = trace.exceptions.size() - 1;
  for (std::size_t at = first; at < lines.size(); ++at) {
    const std::string_view line = trim(lines[at]);
    std::string_view call = lines[at];
    StackFrame frame;
    if (take_at(call) && read_dotnet_frame(call, frame)) {
      trace.exceptions[open].frames.push_back(frame);
    } else if (line.starts_with("--- End of inner exception") && open > 0) {
      --open;
    } else if (line.starts_with("---> (Inner Exception")) {
      break;
    }
  }
  turn(trace);
  return trace;
}

}  // namespace cofferdam::logs::trace
