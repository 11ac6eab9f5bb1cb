// The way of cofferdam's own records from the launcher to the pump.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "kernel/fd.hpp"
#include "logs/record.hpp"

namespace cofferdam::run {

// Never blocks: while the pump waits for a console that nobody reads, records are left out; the next one that passes
// is preceded by one that says how many.
class OwnChannel {
 public:
  OwnChannel() = default;  // nobody listens
  [[nodiscard]] static Result<OwnChannel> open();

  // The pump's end; -1: nobody listens.
  [[nodiscard]] int reader() const { return pipe_.read.get(); }
  [[nodiscard]] bool is_open() const { return static_cast<bool>(pipe_.write); }
  // Time, number and instance are the pump's matter. A record beyond 64 KiB loses its fields, and the end of its
  // message.
  void tell(LogLevel level, std::string_view message, const std::vector<logs::Field>& fields);
  void close() { pipe_.write.reset(); }

 private:
  bool send(const logs::Record& record);

  kernel::Pipe pipe_;
  std::uint64_t left_out_ = 0;
};

}  // namespace cofferdam::run
