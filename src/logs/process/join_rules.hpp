// What the stack traces of ten runtimes look like: which line begins one, and what may follow it in which state. Facts
// are in tables (join_tables.cpp), taken from the runtimes' own output; tests/support/traces has the samples.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cofferdam::logs {

// A set of kMultilineRules, a bit each in that order.
using JoinRuleSet = std::uint16_t;

// Where in which trace a line stands: what the next line may be. One a kind of trace and place.
enum class JoinState : std::uint8_t {
  none,
  message,  // a line that announces an exception; a bare head may follow
  head,     // `some.Exception: text`: frames of Java, Node.js, .NET or PHP confirm it
  head_gap,
  java_frames,
  java_caused,
  python_head,
  python_frames,
  python_stack,
  python_last,
  python_gap,
  python_link,
  python_group,
  python_syntax,
  python_fatal,
  node_source,
  node_caret,
  node_thrown,
  node_message,
  node_frames,
  node_properties,
  node_gap,
  go_head,
  go_gap,
  go_frames,
  go_called,
  go_race,
  ruby_head,
  ruby_frames,
  ruby_reversed,
  ruby_thread,
  ruby_places,
  rust_head,
  rust_message,
  rust_frames,
  rust_causes,
  dotnet_head,
  dotnet_frames,
  dotnet_logged,
  php_head,
  php_frames,
  php_gap,
  elixir_logged,
  elixir_head,
  elixir_frames,
  elixir_server,
  erlang_report,
  sanitizer_rule,
  sanitizer_report,
  sanitizer_race,
  sanitizer_frames,
  count
};

enum class JoinVerdict : std::uint8_t {
  ends,    // the line is none of the trace's
  may,     // it is if one of the next lines joins
  joins,   // it is, and so are the lines before it that may be
  closes,  // as joins, and it is the last one
};

// How long a trace that nothing follows is waited for, and how much of it is certain already.
enum class JoinHold : std::uint8_t {
  possible,   // 2 ms: the line may well be an ordinary one
  probable,   // 100 ms: programs print such a line with a trace below it
  confirmed,  // 500 ms: the line is part of a trace
};

struct JoinStep {
  JoinVerdict verdict = JoinVerdict::ends;
  JoinState next = JoinState::none;
};

struct JoinBeginning {
  JoinState state = JoinState::none;  // none: the line begins no trace
  JoinHold hold = JoinHold::possible;
  bool bare = false;  // has no time and no level of its own: a line before it that announces it belongs to it
};

class JoinRules {
 public:
  // Names of kMultilineRules; others are ignored (the loader refuses them).
  explicit JoinRules(const std::vector<std::string>& names);

  // Whether the line (not empty) needs to be looked at. A load or two; false for lines that begin with a date or `{`.
  [[nodiscard]] bool may_begin(std::string_view line) const {
    const First first = first_[static_cast<unsigned char>(line[0])];
    return first == First::line || (first == First::time && line.size() > 2 && line[2] == ':');
  }
  // The trace that `line` begins by itself.
  [[nodiscard]] JoinBeginning begin(std::string_view line) const;
  // The trace whose head only its second line, `line`, gives away: a frame below any line of text.
  [[nodiscard]] JoinState begin_below(std::string_view line) const;
  // What `line` is to a trace in `state`.
  [[nodiscard]] JoinStep step(JoinState state, std::string_view line) const;

 private:
  // The same of a line that begins with `path:12`.
  [[nodiscard]] JoinBeginning begin_at_place(std::string_view line) const;

  // What a first byte says: no trace begins so; one does if it is a time (`05:33:10`); the line has to be looked at.
  enum class First : std::uint8_t { no, time, line };

  JoinRuleSet rules_ = 0;
  std::array<First, 256> first_{};
};

}  // namespace cofferdam::logs
