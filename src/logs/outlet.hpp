// Gives each record to the sinks that want it: encoded once a format for those that are written at once.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "logs/json_encoder.hpp"
#include "logs/match.hpp"
#include "logs/out_buffer.hpp"
#include "logs/pretty_encoder.hpp"
#include "logs/pump.hpp"
#include "logs/queue/sink_queue.hpp"
#include "logs/queue/worker.hpp"
#include "logs/record.hpp"
#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// Bytes, prompts and ends belong to the stream of begin(), records to their own. Keeps the counters of the
// configuration.
class Outlet {
 public:
  explicit Outlet(PumpConfig& config);

  // A sink takes records, not only the bytes as they are read.
  [[nodiscard]] bool wants_records() const { return !buffers_.empty() || !queued_.empty(); }
  [[nodiscard]] bool shows_partial() const { return partial_ != nullptr; }
  // Every sink is gone.
  [[nodiscard]] bool all_gone() const { return gone_ == targets_.size() && queued_.empty(); }

  void begin(Stream stream) {
    if (stream != stream_) flush();
    stream_ = stream;
  }
  // The bytes of one read, as they came; a raw sink that wants all of them gets them here.
  void take_bytes(std::string_view bytes);
  void append(const Record& record);
  void show_partial(std::string_view tail);
  void flush();
  // flush() at the end of the stream.
  void end();
  // Nothing comes any more: gives the queued sinks their time, and what they can't deliver then to spill or fallback.
  void finish();

 private:
  struct Target {
    std::unique_ptr<Sink> sink;
    SinkCounters* counters = nullptr;
    std::atomic<bool>* writing = nullptr;
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

  // A sink with a queue and a thread.
  struct Queued {
    explicit Queued(const LogMatch& wanted) : match(wanted) {}

    Match match;
    std::unique_ptr<SinkQueue> queue;
    std::unique_ptr<Worker> worker;
  };

  void add_direct(const OpenSink& opened, const PumpConfig& config, std::size_t index);
  void add_queued(const OpenSink& opened, const PumpConfig& config, std::size_t index, std::uint64_t spill_size);
  void encode(const Record& record, Encoding encoding, OutBuffer& out);
  void enqueue(Record record);
  void deliver(Target& target, const Batch& batch);
  void count_records(std::uint64_t records);
  [[nodiscard]] bool may_wait(int app);

  PumpCounters& counters_;
  std::chrono::milliseconds shutdown_timeout_;
  std::optional<Deadline> deadline_;  // once a sink that blocks was waited for after the app's end
  std::deque<Target> targets_;
  std::vector<Buffer> buffers_;
  std::vector<Target*> bytes_;  // raw, and nothing left out
  Buffer* partial_ = nullptr;   // of the pretty console
  std::size_t gone_ = 0;
  std::deque<Queued> queued_;

  JsonEncoder json_;
  PrettyEncoder pretty_;
  Stream stream_ = Stream::out;
  std::uint64_t records_ = 0;                    // since the last flush
  std::array<bool, kLogStreams> raw_unended_{};  // the last byte was no line feed
};

}  // namespace cofferdam::logs
