// Gives lines their place: records that fit, a time, a sequence number.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <span>
#include <string_view>

#include "logs/out_buffer.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// A line, or a piece of one, that has come through all stages and only lacks its place in the order.
struct Line {
  Piece piece;  // `bytes`: the message, as far as it goes into records
  LogLevel level = LogLevel::info;
  std::span<const Field> fields;
  std::string_view trace_id;
  std::string_view span_id;
  std::string_view
      original;  // what stands for message and fields when these do not fit into a record; with fields only
};

// Each time is a later nanosecond than the one before, whatever the system's clock does: stores that know an entry
// by its time (Loki) keep every record, and a retry is recognised. Sequence numbers have no holes. A record as JSON
// is at most `max_record` bytes with its line feed, since container runtimes break longer lines; a longer line
// becomes several records, cut between characters, whose messages, joined in order, are the line.
class Stamper {
 public:
  // All that one process must know to go on where another ended.
  struct State {
    std::int64_t time = 0;  // of the last record
    std::uint64_t seq = 0;
    std::uint64_t last_id = 0;
    struct Open {
      std::uint64_t id = 0;  // of the partial records of the current line, 0 when it has none so far
      std::uint64_t n = 0;
      LogLevel level = LogLevel::info;
    };
    std::array<Open, kLogStreams> open{};
  };

  // `overhead`: JsonEncoder::overhead() of the instance, bytes of a record beside message and fields.
  Stamper(std::size_t max_record, std::size_t overhead) : room_(max_record - overhead) {}

  [[nodiscard]] const State& state() const { return state_; }
  void restore(const State& state) {
    state_ = state;
    next_ = state.time + 1;
  }

  // The time of what was just read; the records follow it by a nanosecond each.
  void set_time(const std::timespec& now) {
    next_ = std::max(state_.time + 1, std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
  }

  // Whatever is in it, this fits into one record when there are no fields.
  [[nodiscard]] bool is_short(const Piece& piece) const { return piece.bytes.size() <= room_ / kWorst; }

  // The record of a short piece of which nothing is known but its level; valid until the next one.
  const Record& stamp_short(const Piece& piece, LogLevel level) {
    State::Open& open = begin(piece, level);
    record_.message = piece.bytes;
    place(piece, true, open, record_);
    return record_;
  }

  // Calls `on_record(const Record&)` once or, for a long line, several times.
  template <class OnRecord>
  void stamp(const Line& line, OnRecord&& on_record) {
    State::Open& open = begin(line.piece, line.level);
    Record& record = record_;
    record.trace_id = line.trace_id;
    record.span_id = line.span_id;
    std::string_view rest = line.piece.bytes;
    if (!line.fields.empty()) {
      const std::size_t fields = fields_size(line.fields);
      if (fields < room_ && fits(rest, room_ - fields) == rest.size()) {
        record.fields = line.fields;
        record.message = rest;
        place(line.piece, true, open, record);
        on_record(record);
        forget_details();
        return;
      }
      rest = line.original;
    }
    do {
      record.message = rest.substr(0, fits(rest, room_));
      rest.remove_prefix(record.message.size());
      place(line.piece, rest.empty(), open, record);
      on_record(record);
    } while (!rest.empty());
    forget_details();
  }

 private:
  static constexpr std::size_t kWorst = 6;  // bytes of JSON for one byte

  // How many bytes of `text` make at most `room` bytes of JSON, as a string or, when it is no UTF-8, as base64. At
  // least one.
  [[nodiscard]] std::size_t fits(std::string_view text, std::size_t room);
  [[nodiscard]] static std::size_t fields_size(std::span<const Field> fields);

  // What only stamp() sets.
  void forget_details() {
    record_.fields = {};
    record_.trace_id = record_.span_id = {};
  }

  State::Open& begin(const Piece& piece, LogLevel level) {
    State::Open& open = state_.open[index_of(piece.stream)];
    if (piece.first) open = {0, 0, level};
    record_.stream = piece.stream;
    record_.level = open.level;
    return open;
  }

  void place(const Piece& piece, bool ends_piece, State::Open& open, Record& record) {
    record.time = state_.time = next_++;
    record.seq = ++state_.seq;
    const bool line_ends = piece.last && ends_piece;
    record.eol = !line_ends || piece.eol;
    if (open.id == 0 && line_ends) {
      record.partial_id = record.partial_n = 0;
      record.partial_last = true;
      return;
    }
    if (open.id == 0) open.id = ++state_.last_id;
    record.partial_id = open.id;
    record.partial_n = ++open.n;
    record.partial_last = line_ends;
  }

  std::size_t room_;
  State state_;
  std::int64_t next_ = 1;  // later than state_.time
  Record record_;          // kept, because making one costs as much as writing it
  OutBuffer scratch_;
};

}  // namespace cofferdam::logs
