// Encodes what the pump read, once a format, and hands it to the sinks.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "logs/json_encoder.hpp"
#include "logs/out_buffer.hpp"
#include "logs/pretty_encoder.hpp"
#include "logs/pump.hpp"
#include "logs/record.hpp"
#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// Between begin() and flush() or end() all belongs to one stream. Keeps the counters of the configuration.
class Outlet {
 public:
  explicit Outlet(PumpConfig& config);

  [[nodiscard]] bool wants_lines() const { return wants_json_ || wants_pretty_; }
  [[nodiscard]] bool shows_partial() const { return wants_pretty_; }
  // Every sink is gone.
  [[nodiscard]] bool all_gone() const { return gone_ == sinks_.size(); }

  void begin(Stream stream);
  // The bytes of one read, as they came; raw sinks get them here.
  void count_bytes(std::string_view bytes);
  void append(const Piece& piece);
  void show_partial(std::string_view tail);
  void flush();
  // flush() at the end of the stream.
  void end();

 private:
  struct Target {
    std::unique_ptr<Sink> sink;
    PumpCounters::OfSink* counters = nullptr;
    bool is_console = false;
    bool gone = false;
  };

  void add(const OpenSink& opened, PumpConfig& config, PumpCounters::OfSink& counters);
  void deliver(Encoding encoding, const Batch& batch);
  void count_records(std::uint64_t records);

  PumpCounters& counters_;
  std::vector<Target> sinks_;  // the console last: it may wait for its reader, and the others shall not
  std::size_t gone_ = 0;
  bool wants_json_ = false;
  bool wants_pretty_ = false;
  bool wants_raw_ = false;

  JsonEncoder json_;
  PrettyEncoder pretty_;
  OutBuffer json_out_;
  OutBuffer pretty_out_;
  Stream stream_ = Stream::out;
  std::uint64_t records_ = 0;          // in the buffers
  std::array<bool, 2> raw_unended_{};  // raw: the last byte was no line feed
};

}  // namespace cofferdam::logs
