// Lines that are structured already: one JSON object, or logfmt.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/logs.hpp"
#include "logs/process/known_keys.hpp"
#include "logs/process/member.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// What a line says. The views are valid until the next parse() into the same object, as long as the line is. Keep one
// and use it again: it keeps its memory (below 600 KiB).
struct Structured {
  std::string_view message;       // for the record; with LogStructured::keep the line
  std::optional<LogLevel> level;  // nothing: the line names none, and detect_level(message) is as good as it gets
  std::vector<Field> fields;      // for the record, in the order of the line
  std::string_view trace_id;      // as in a Record
  std::string_view span_id;

  std::string text;  // what the views need beside the line
};

// Recognises a line that is one JSON object or logfmt, and reads it as the policy says:
//   keep   level, trace_id and span_id; the message is the line as it is
//   merge  the members become fields, but for those that the record has itself ("lifted"): message, level, trace_id,
//          span_id, under any of their names (known_keys.cpp). Without a message the record's is empty.
//   nest   as merge, with the fields as one object named `data`
// A lifted message is its string, with the escapes resolved. A level is lifted when it is a known name or number
// (level.hpp); a trace id when it has 32 hexadecimal digits, or 16 (then with zeros before it, as W3C's trace context
// has it), a span id 16, and not only zeros. What is not lifted stays a field; one whose name a record has itself
// (ts, level, ...) is called `app.ts`. The line's own time is such a field: the record's `ts` is when it arrived.
// Values are the line's own bytes, numbers and escapes as they were written; those of logfmt are JSON strings, and
// `true` for a key without a value.
//
// False, and the line stays text, when something would be lost or is not certain: JSON that is not valid or that can't
// stand in one line of UTF-8 as it is (JsonScanner says what), one name twice among its members, more than 128 of them,
// 32 levels or 256 KiB, a name above 251 bytes. logfmt: less than two pairs, anything that is none (a key without a
// value is one where the line also has a level or a message), a name twice.
class StructuredParser {
 public:
  static constexpr std::size_t kMaxLine = 256 << 10;
  static constexpr std::size_t kMaxMembers = 128;

  explicit StructuredParser(const LogParse& parse);

  [[nodiscard]] bool parse(std::string_view line, Structured& out) {
    return !line.empty() && may_begin(line.front()) && read(line, out);
  }

 private:
  static constexpr std::size_t kLongestName = 251;  // "app." goes before it, and a Field has 255

  struct Entry {
    Member member;
    std::string_view name;  // the key without escapes
    bool lifted = false;
  };
  // The member of each role, by its place in entries_.
  using Roles = std::array<std::optional<std::size_t>, kKeyRoles>;

  // False for most lines of text: they begin with a time or a bracket.
  [[nodiscard]] static constexpr bool may_begin(char c) {
    return c == '{' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '@' || c == ' ' ||
           c == '\t' || c == '\r' || c == '\n';
  }
  [[nodiscard]] bool read(std::string_view line, Structured& out);
  template <class Scanner>
  [[nodiscard]] bool collect(Scanner scanner);
  [[nodiscard]] bool is_certain_logfmt() const;
  [[nodiscard]] bool name_members(Structured& out);
  void lift(Structured& out);
  void lift_message(Structured& out);
  [[nodiscard]] bool add_fields(Structured& out);
  void add_data(Structured& out);

  LogStructured json_;
  LogStructured logfmt_;
  std::vector<Entry> entries_;
  std::size_t pairs_ = 0;  // members with a value
  Roles roles_{};
};

}  // namespace cofferdam::logs
