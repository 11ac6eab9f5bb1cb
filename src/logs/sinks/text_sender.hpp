// A console or a file behind a queue, for when the app must not wait for it.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "logs/json_encoder.hpp"
#include "logs/pretty_encoder.hpp"
#include "logs/sinks/sender.hpp"
#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// Waits for its reader as long as that takes: only the queue's thread waits with it.
class TextSender : public Sender {
 public:
  TextSender(std::unique_ptr<Sink> sink, std::string_view instance, std::size_t width, bool colour)
      : sink_(std::move(sink)), json_(instance), pretty_(instance, width, colour) {}

  [[nodiscard]] bool acknowledges() const override { return true; }
  [[nodiscard]] std::string describe() const override;
  [[nodiscard]] BatchLimits limits() const override { return {1000, 256 << 10, std::chrono::milliseconds(0)}; }
  [[nodiscard]] std::string encode(std::span<const Record> records) override;
  [[nodiscard]] SendResult send(std::string_view body, std::size_t records, Deadline deadline) override;

 private:
  std::unique_ptr<Sink> sink_;
  JsonEncoder json_;
  PrettyEncoder pretty_;
};

}  // namespace cofferdam::logs
