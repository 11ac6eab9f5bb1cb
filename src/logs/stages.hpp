// The stages between lines and records: what may change or hold a line.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "logs/level.hpp"
#include "logs/outlet.hpp"
#include "logs/process/joiner.hpp"
#include "logs/process/limiter.hpp"
#include "logs/process/plain.hpp"
#include "logs/process/redactor.hpp"
#include "logs/process/structured.hpp"
#include "logs/pump.hpp"
#include "logs/record.hpp"
#include "logs/stamper.hpp"
#include "logs/syslog_line.hpp"

namespace cofferdam::logs {

// Join, transform, parse, limit, stamp, in this order, for all streams of an instance. Without anything of that in the
// policy a line goes straight to the stamp.
class Stages {
 public:
  Stages(const PumpConfig& config, Stamper& stamper, Outlet& outlet);

  // What another pump needs to go on, after settle() or flush(). From then on what is held outlives this one.
  [[nodiscard]] StagesState state();
  // Before anything else; `now` as in begin().
  void recover(const StagesState& state, std::int64_t now);

  // What comes next is of this stream and, as bytes, within `block`; `now` in monotonic milliseconds.
  void begin(Stream stream, std::string_view block, std::int64_t now);
  void add(const Piece& piece) {
    if (joins_) {
      join(piece);
    } else {
      place(piece);
    }
  }
  // The end of a read, whose buffer may be used again after it.
  void settle(Stream stream);
  // The stream has ended: what is held comes out.
  void flush(Stream stream);
  // All streams have ended.
  void finish();
  // A packed record of cofferdam's own.
  void add_own(std::string_view packed);
  // When something that is held comes out by itself, in monotonic milliseconds: call on_due() then.
  [[nodiscard]] std::optional<std::int64_t> due() const;
  void on_due(std::int64_t now);

 private:
  void place(const Piece& piece) {
    // A line that is JSON names its level and trace somewhere.
    if (!(plain_ || (clean_block_ && only_redacts_)) || piece.bytes.starts_with('{')) return process(piece);
    const LogLevel level = piece.first ? level_of(piece.bytes) : LogLevel::info;
    if (stamper_.is_short(piece)) {
      outlet_.append(stamper_.stamp_short(piece, level));
    } else {
      stamp_long(piece, level);
    }
  }
  [[nodiscard]] LogLevel level_of(std::string_view text) const {
    return joins_ ? detect_joined_level(text) : detect_level(text);
  }
  void join(const Piece& piece);
  void stamp(const Line& line);
  void stamp_long(const Piece& piece, LogLevel level);
  void process(const Piece& piece);
  void summarise(const Suppressed& suppressed);
  void read_syslog(Line& line);

  const LogParse& parse_;
  std::array<HeldMemory, kLogStreams>& held_memory_;
  Stamper& stamper_;
  Outlet& outlet_;
  bool plain_;  // but for joining
  bool joins_;
  bool only_redacts_;           // plain but for that
  bool clean_block_ = false;    // there is nothing to redact in what was begun, nor in what is held
  std::deque<Joiner> joiners_;  // one a stream
  std::int64_t now_ = 0;
  std::optional<Redactor> redactor_;
  std::string redacted_;
  std::optional<Limiter> limiter_;
  std::array<bool, kLogStreams> left_out_{};  // the line of which the stream is in the middle
  std::string clean_;
  StructuredParser structured_;
  Structured said_;
  std::vector<Field> fields_;  // of a syslog line, or of a record of our own
  std::array<std::string, 3> texts_;
};

}  // namespace cofferdam::logs
