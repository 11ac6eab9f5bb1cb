#include "logs/process/join_rules.hpp"

#include <algorithm>

#include "cofferdam/logs.hpp"
#include "logs/process/join_tables.hpp"
#include "logs/process/line_shapes.hpp"

namespace cofferdam::logs {

namespace {

constexpr JoinRuleSet kNamedHeads = kJava | kNode | kDotnet | kPhp | kRust;
// Traces whose first line is known by its shape: a name or a place in a source file.
constexpr JoinRuleSet kShapedHeads = kNamedHeads | kRuby | kSanitizer;

}  // namespace

JoinRules::JoinRules(const std::vector<std::string>& names) {
  for (std::size_t i = 0; i < kMultilineRules.size(); ++i) {
    if (std::ranges::find(names, kMultilineRules.at(i)) != names.end()) rules_ |= static_cast<JoinRuleSet>(1U << i);
  }
  first_.at('\r') = First::line;  // a blank line of a terminal
  for (const BeginRow& row : all_begin_rows()) {
    if ((row.rules & rules_) == 0) continue;
    if (row.prefix.empty()) {
      for (unsigned char digit = '0'; digit <= '9'; ++digit) first_.at(digit) = First::time;
    } else {
      first_.at(static_cast<unsigned char>(row.prefix[0])) = First::line;
    }
  }
  if ((rules_ & kShapedHeads) != 0) {
    for (unsigned c = 0; c < first_.size(); ++c) {
      if (is_letter(static_cast<char>(c))) first_.at(c) = First::line;
    }
  }
  if ((rules_ & (kRuby | kNode | kSanitizer)) != 0) {
    for (const unsigned char c : std::string_view("/.-<")) first_.at(c) = First::line;
  }
  if ((rules_ & (kJava | kNode | kDotnet | kPhp)) != 0) {
    for (const unsigned char c : std::string_view(" \t[")) first_.at(c) = First::line;
  }
}

JoinBeginning JoinRules::begin(std::string_view line) const {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return {};
  for (const BeginRow& row : begin_rows(line[0])) {
    if ((row.rules & rules_) == 0 || !line.starts_with(row.prefix)) continue;
    if (row.matches == nullptr || row.matches(line, row.prefix)) return {row.state, row.hold, row.bare};
  }
  if ((rules_ & kShapedHeads) == 0 ||
      !(is_letter(line[0]) || line[0] == '/' || line[0] == '.' || line[0] == '-' || line[0] == '<')) {
    return {};
  }
  const std::size_t end = end_of_name(line);
  const std::string_view rest = line.substr(end);
  if (rest.size() > 1 && rest[0] == ':' && is_digit(rest[1])) return begin_at_place(line);
  if ((rules_ & kNamedHeads) == 0) return {};
  // `Error [CODE]: text` is Node's.
  if (!rest.empty() && rest[0] != ':' && !rest.starts_with(" [")) return {};
  const ExceptionName name = exception_name(line.substr(0, end), rest);
  if (name == ExceptionName::none) return {};
  return {JoinState::head, name == ExceptionName::probable ? JoinHold::probable : JoinHold::possible, true};
}

JoinBeginning JoinRules::begin_at_place(std::string_view line) const {
  if ((rules_ & kRuby) != 0) {
    const RubyPlace place = ruby_place(line);
    if (place == RubyPlace::head) return {JoinState::ruby_head, JoinHold::probable, false};
    if (place == RubyPlace::place) return {JoinState::ruby_places, JoinHold::possible, true};
  }
  if ((rules_ & kSanitizer) != 0 && undefined_behaviour(line)) {
    return {JoinState::sanitizer_frames, JoinHold::confirmed, false};
  }
  if ((rules_ & kNode) != 0 && source_place(line)) return {JoinState::node_source, JoinHold::possible, false};
  return {};
}

JoinState JoinRules::begin_below(std::string_view line) const {
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.empty()) return JoinState::none;
  if ((rules_ & kJava) != 0 && line[0] == '\t' && java_frame(line)) return JoinState::java_frames;
  if ((rules_ & kNode) != 0 && line.starts_with("    at ") && node_frame(line)) {
    return line.ends_with(" {") ? JoinState::node_properties : JoinState::node_frames;
  }
  if ((rules_ & kDotnet) != 0 && (line.starts_with("   at ") || line.starts_with("  at ")) && dotnet_frame(line))
    return JoinState::dotnet_frames;
  if ((rules_ & kPhp) != 0 && line == "[stacktrace]") return JoinState::php_frames;
  return JoinState::none;
}

JoinStep JoinRules::step(JoinState state, std::string_view line) const {
  if (line.ends_with('\r')) line.remove_suffix(1);
  for (const StepRow& row : step_rows(state)) {
    if ((row.rules & rules_) != 0 && row.matches(line, row.text)) return {row.verdict, row.next};
  }
  return {};
}

}  // namespace cofferdam::logs
