// Joins the lines of a stack trace to one piece with line feeds in it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "logs/process/held_text.hpp"
#include "logs/process/join_rules.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// One a stream. Pieces in, pieces out, in order; nothing is lost or changed: a joined piece has the bytes of its lines
// with a '\n' between them, and `eol` of its last line. A call's `emit` is `void(const Piece&)`; the piece is valid
// during that call. All times are milliseconds of a monotonic clock.
//
//   framer.commit(n, [&](const Piece& piece) { joiner.add(piece, now, emit); });
//   joiner.settle(now, emit);             // after each read, before its buffer is used again, and at due()
//   framer.finish(...); joiner.flush(emit);
//
// What is joined: docs/multiline.md. The rules are strict, since lines that are joined wrongly are worse than a trace
// in two pieces; a line that might belong to a trace is held until the next lines show it, and is a piece of its own if
// they don't.
// Bounds: 1 MiB and 1,000 lines a piece; 500 ms without a line and 2 s in all (100 ms and 2 ms while it is not certain
// that the lines are a trace: see JoinHold). What follows a bound starts anew, and a frame without its head is a piece
// of its own. Lines longer than the framer's 256 KiB pass, and end what is open.
// The line before a trace that announces it (`ERROR:root:failed` before a traceback that has no time of its own) is
// joined when both come within one read, or within 2 ms: so no line that is shown waits longer than that.
// Several processes that write to one stream at the same time: a line of another one ends the trace, and what is left
// of it stays in lines.
// What is held stands in memory that outlives the pump (HeldMemory), as of the last mark().
class Joiner {
 public:
  static constexpr std::size_t kMaxBytes = HeldMemory::kMost;
  static constexpr std::size_t kMaxLines = 1000;
  static constexpr std::int64_t kMaxTime = 2000;

  // `rules`: names of kMultilineRules.
  Joiner(const std::vector<std::string>& rules, Stream stream, HeldMemory& memory)
      : rules_(rules), group_(stream, memory) {}

  // After settle(), so that all that came is emitted or held.
  [[nodiscard]] HeldText::Mark mark() { return group_.text.mark(group_.eol); }

  // Takes the lines that another held at its mark, before anything else is added.
  template <class Emit>
  void recover(const HeldText::Mark& mark, std::int64_t now_ms, Emit&& emit) {
    const std::string lines = group_.text.recover(mark);
    for_each_line(lines, mark.eol,
                  [&](std::string_view line, bool eol) { add({group_.stream, line, true, true, eol}, now_ms, emit); });
    settle(now_ms, emit);
  }

  // The bytes of `piece` have to stay where they are until the next settle() or flush().
  template <class Emit>
  void add(const Piece& piece, std::int64_t now_ms, Emit&& emit) {
    const bool ordinary = !open() && !piece.bytes.empty() && !rules_.may_begin(piece.bytes);
    if (!ordinary && join(piece, now_ms, emit)) return;
    release_last(emit);
    last_ = piece;
    has_last_ = true;
  }

  // Emits what is due by now, and takes its own copy of what it keeps.
  template <class Emit>
  void settle(std::int64_t now_ms, Emit&& emit) {
    while (open() && deadline() <= now_ms) close(emit);
    if (!has_last_) return;
    if (last_is_worth_holding()) {
      start(JoinState::message, JoinHold::possible, now_ms);
      group_.append(last_);
      has_last_ = false;
    } else {
      release_last(emit);
    }
  }

  // The stream has ended: nothing is held any more.
  template <class Emit>
  void flush(Emit&& emit) {
    while (open()) close(emit);
    release_last(emit);
  }

  // When settle() is to be called if no line comes before; nothing when no line is held. Read what there is before.
  [[nodiscard]] std::optional<std::int64_t> due() const { return open() ? std::optional(deadline()) : std::nullopt; }

 private:
  struct Times {
    std::int64_t first = 0;  // milliseconds
    std::int64_t last = 0;
  };
  // The lines of an open trace, each with a '\n' behind it: first those that are certain, then those that may be.
  struct Group {
    Group(Stream of, HeldMemory& memory) : stream(of), text(memory) {}

    Stream stream;
    HeldText text;
    std::vector<std::size_t> ends;  // of each line: where its line feed stands
    std::size_t certain = 0;        // lines
    JoinState state = JoinState::none;
    JoinHold hold = JoinHold::possible;
    bool eol = true;  // of the last line
    Times times;

    void append(const Piece& piece);
    // The lines from `from` to before `to` as one piece.
    [[nodiscard]] Piece piece(std::size_t from, std::size_t to) const;
    void clear();
  };

  [[nodiscard]] bool open() const { return !group_.ends.empty(); }
  [[nodiscard]] std::int64_t deadline() const;
  void start(JoinState state, JoinHold hold, std::int64_t now_ms);
  // What the line is to the open trace, which takes it unless it ends there.
  JoinVerdict extend(const Piece& piece, std::int64_t now_ms);
  JoinStep step_after_message(const Piece& piece);
  // The trace that the line begins; `bare` then says that the line before is its first.
  [[nodiscard]] JoinBeginning find_beginning(const Piece& piece) const;
  // Whether the next line may be of one trace with the last one.
  [[nodiscard]] bool last_is_worth_holding() const;

  template <class Emit>
  void release_last(Emit& emit) {
    if (has_last_) emit(std::as_const(last_));
    has_last_ = false;
  }

  // Takes the line into the open trace or into a new one; false: it is in none, and none is open.
  template <class Emit>
  bool join(const Piece& piece, std::int64_t now_ms, Emit& emit) {
    while (open()) {
      const JoinVerdict verdict = extend(piece, now_ms);
      if (verdict == JoinVerdict::closes) close(emit);
      if (verdict != JoinVerdict::ends) return true;
      close(emit);
    }
    const JoinBeginning beginning = find_beginning(piece);
    if (beginning.state == JoinState::none) return false;
    start(beginning.state, beginning.hold, now_ms);
    if (beginning.bare) {
      group_.append(last_);
      has_last_ = false;
    }
    release_last(emit);
    group_.append(piece);
    if (beginning.hold == JoinHold::confirmed) group_.certain = group_.ends.size();
    return true;
  }

  // Emits what is certain, or else the first line alone; what is left is looked at anew.
  template <class Emit>
  void close(Emit& emit) {
    const std::size_t lines = group_.ends.size();
    const std::size_t whole = std::max<std::size_t>(group_.certain, 1);
    if (whole == lines) {
      emit(std::as_const(group_).piece(0, lines));
      group_.clear();
      return;
    }
    emit(std::as_const(group_).piece(0, whole));
    std::vector<std::string> rest;  // a copy: it may be held again, where it stands now
    for (std::size_t i = whole; i < lines; ++i) rest.emplace_back(group_.piece(i, i + 1).bytes);
    const Times times = group_.times;
    const bool eol = group_.eol;
    group_.clear();
    for (const std::string& line : rest) {
      add({group_.stream, line, true, true, eol || &line != &rest.back()}, times.last, emit);
    }
    if (open()) group_.times.first = times.first;
    release_last(emit);  // it is in `rest`
  }

  JoinRules rules_;
  Group group_;
  Piece last_;  // the line before, in the reader's memory: it waits for the next one, or for settle()
  bool has_last_ = false;
};

}  // namespace cofferdam::logs
