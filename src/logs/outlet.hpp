// Gives each record to the sinks that want it: encoded once a format for those that are written at once.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>
#include <vector>

#include "logs/json_encoder.hpp"
#include "logs/match.hpp"
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

  // A sink takes records, not only the bytes as they are read.
  [[nodiscard]] bool wants_records() const { return !buffers_.empty(); }
  [[nodiscard]] bool shows_partial() const { return partial_ != nullptr; }
  // Every sink is gone.
  [[nodiscard]] bool all_gone() const { return gone_ == targets_.size(); }

  void begin(Stream stream) { stream_ = stream; }
  // The bytes of one read, as they came; a raw sink that wants all of them gets them here.
  void take_bytes(std::string_view bytes);
  void append(const Record& record);
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
  // Targets of one format that want the same records.
  struct Buffer {
    Buffer(Encoding format, const Match& wanted) : encoding(format), match(wanted) {}

    Encoding encoding;
    Match match;
    OutBuffer out;
    std::uint64_t records = 0;
    std::vector<Target*> targets;
  };

  void add(OpenSink& opened, PumpConfig& config, PumpCounters::OfSink& counters);
  void encode(const Record& record, Encoding encoding, OutBuffer& out);
  void deliver(Target& target, const Batch& batch);
  void count_records(std::uint64_t records);

  PumpCounters& counters_;
  std::deque<Target> targets_;
  std::vector<Buffer> buffers_;
  std::vector<Target*> bytes_;  // raw, and nothing left out
  Buffer* partial_ = nullptr;   // of the pretty console
  std::size_t gone_ = 0;

  JsonEncoder json_;
  PrettyEncoder pretty_;
  Stream stream_ = Stream::out;
  std::uint64_t records_ = 0;                    // since the last flush
  std::array<bool, kLogStreams> raw_unended_{};  // the last byte was no line feed
};

}  // namespace cofferdam::logs
