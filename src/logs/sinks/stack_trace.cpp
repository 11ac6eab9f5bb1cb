#include "logs/sinks/stack_trace.hpp"

#include "logs/sinks/trace_readers.hpp"

namespace cofferdam::logs {

std::optional<StackTrace> parse_stack_trace(std::string_view text) {
  trace::Lines lines;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    if (line.ends_with('\r')) line.remove_suffix(1);
    lines.push_back(line);
    at = end + 1;
  }
  if (lines.size() < 2) return std::nullopt;
  // Each asks for something that only its runtime writes.
  for (const auto reader : {trace::read_python, trace::read_go, trace::read_rust, trace::read_php, trace::read_ruby,
                            trace::read_java, trace::read_node, trace::read_dotnet}) {
    if (auto found = reader(lines)) return found;
  }
  return std::nullopt;
}

}  // namespace cofferdam::logs
