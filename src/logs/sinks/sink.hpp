// Where encoded records go.
#pragma once

#include <cstdint>
#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

enum class Encoding : std::uint8_t { json, pretty, raw };

// What one sink is handed at a time: whole records of one stream, already encoded, valid during the call. `records`
// may be 0 (the beginning of a line that is shown early).
struct Batch {
  std::string_view bytes;
  std::uint64_t records = 0;
  Stream stream = Stream::out;
};

// delivered + dropped = records of the batch. `gone`: the sink takes nothing any more, now and later.
struct Delivery {
  std::uint64_t delivered = 0;
  std::uint64_t dropped = 0;
  bool gone = false;
};

class Sink {
 public:
  explicit Sink(Encoding encoding) : encoding_(encoding) {}
  Sink(const Sink&) = delete;
  Sink& operator=(const Sink&) = delete;
  virtual ~Sink() = default;

  [[nodiscard]] Encoding encoding() const { return encoding_; }

  // May wait for the sink's reader: that is the pressure the app feels through its pipe. Never fails otherwise; what
  // could not be delivered is counted.
  virtual Delivery deliver(const Batch& batch) = 0;

 private:
  Encoding encoding_;
};

}  // namespace cofferdam::logs
