// The stages between lines and records: what may change or hold a line.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "cofferdam/logs.hpp"
#include "logs/level.hpp"
#include "logs/outlet.hpp"
#include "logs/record.hpp"
#include "logs/stamper.hpp"

namespace cofferdam::logs {

// Nothing in `parse` changes or holds a line: the app's bytes may pass as they are.
[[nodiscard]] inline bool is_plain(const LogParse& parse) {
  return parse.json == LogStructured::keep && parse.logfmt == LogStructured::keep && parse.multiline.empty() &&
         !parse.strip_ansi && parse.redact.empty() && parse.redact_values.empty() && parse.rate == 0 &&
         parse.sample == 1;
}

// Join, transform, parse, limit, stamp, in this order, for all streams of an instance. Without anything of that in the
// policy a line goes straight to the stamp.
class Stages {
 public:
  Stages(const PumpConfig& config, Stamper& stamper, Outlet& outlet);

  // What comes next is of this stream and, as bytes, within `block`; `now` in monotonic milliseconds.
  void begin(Stream stream, std::string_view block, std::int64_t now);
  void add(const Piece& piece) { place(piece); }
  // A packed record of cofferdam's own.
  void add_own(std::string_view packed);
  // The stream has ended: what is held comes out.
  void flush(Stream stream);
  // When something that is held comes out by itself, in monotonic milliseconds: call on_due() then.
  [[nodiscard]] std::optional<std::int64_t> due() const;
  void on_due(std::int64_t now);

 private:
  void place(const Piece& piece) {
    Line line;
    line.piece = piece;
    if (piece.first) line.level = detect_level(piece.bytes);
    stamper_.stamp(line, [this](const Record& record) { outlet_.append(record); });
  }

  Stamper& stamper_;
  Outlet& outlet_;
};

}  // namespace cofferdam::logs
