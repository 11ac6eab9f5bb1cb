// A server that does what a test tells it to.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "logs/sinks/sender.hpp"
#include "unit/logs/queue/queue_fixture.hpp"

namespace cofferdam::logs {

// What the sender and the test share; the sender may outlive the worker.
struct FakeServer {
  // Judges a request before it is delivered; its number counts from 1.
  using Script =
      std::function<SendResult(std::size_t request, const std::vector<QueuedRecord>& records, Deadline deadline)>;
  Script script;
  BatchLimits limits{.records = 100, .bytes = 1 << 20, .linger = std::chrono::milliseconds{5}};

  std::mutex mutex;
  std::vector<QueuedRecord> received;              // of delivered requests
  std::vector<std::string> bodies;                 // of all requests
  std::vector<std::vector<QueuedRecord>> batches;  // of all requests
  std::atomic<std::size_t> encoded = 0;
  std::atomic<int> idle = 0;

  [[nodiscard]] std::size_t requests() {
    const std::lock_guard lock(mutex);
    return bodies.size();
  }
  [[nodiscard]] std::vector<QueuedRecord> all() {
    const std::lock_guard lock(mutex);
    return received;
  }
};

inline SendResult taken() {
  return {};
}
inline SendResult try_again(std::string why, std::optional<std::chrono::milliseconds> after = {}) {
  return {SendResult::Outcome::retry, 0, after, std::move(why)};
}
inline SendResult refuse(std::string why) {
  return {SendResult::Outcome::rejected, 0, {}, std::move(why)};
}
inline SendResult misconfigured(std::string why) {
  return {SendResult::Outcome::failed, 0, {}, std::move(why)};
}

class FakeSender : public Sender {
 public:
  explicit FakeSender(std::shared_ptr<FakeServer> server) : server_(std::move(server)) {}

  [[nodiscard]] BatchLimits limits() const override { return server_->limits; }
  [[nodiscard]] bool acknowledges() const override { return true; }
  [[nodiscard]] std::string describe() const override { return "fake"; }
  [[nodiscard]] std::string encode(std::span<const Record> records) override {
    ++server_->encoded;
    batch_.clear();
    std::string body;
    for (const Record& record : records) {
      batch_.push_back(queued_record(record));
      body += std::to_string(record.seq) + " " + std::string(record.message) + "\n";
    }
    return body;
  }
  [[nodiscard]] SendResult send(std::string_view body, std::size_t records, Deadline deadline) override {
    EXPECT_EQ(records, batch_.size());
    std::size_t request = 0;
    {
      const std::lock_guard lock(server_->mutex);
      server_->bodies.emplace_back(body);
      server_->batches.push_back(batch_);
      request = server_->bodies.size();
    }
    const SendResult result = server_->script ? server_->script(request, batch_, deadline) : SendResult{};
    if (result.outcome == SendResult::Outcome::delivered) {
      const std::lock_guard lock(server_->mutex);
      server_->received.insert(server_->received.end(), batch_.begin(), batch_.end());
    }
    return result;
  }
  void idle() override { ++server_->idle; }

 private:
  std::shared_ptr<FakeServer> server_;
  std::vector<QueuedRecord> batch_;
};

}  // namespace cofferdam::logs
