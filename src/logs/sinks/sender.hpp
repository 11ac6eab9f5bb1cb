// A sink that is spoken to: over a network, mostly. What it promises is kept by its worker (worker.hpp), which calls
// it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "cofferdam/logs.hpp"
#include "cofferdam/result.hpp"
#include "logs/net/connection.hpp"
#include "logs/record.hpp"

namespace cofferdam::logs {

// How much one request may hold, and how long the first record of it may wait for others.
struct BatchLimits {
  std::size_t records = 1000;
  std::size_t bytes = 1 << 20;  // of messages and fields, before they are encoded
  std::chrono::milliseconds linger{200};
};

struct SendResult {
  enum class Outcome : std::uint8_t {
    delivered,  // acknowledged, or as good as the protocol can (see Sender::acknowledges)
    retry,      // not delivered, or not known: the same body will be sent again
    rejected,   // this body will never be taken; the worker halves the batch to find the record that is at fault
    failed,  // nothing will ever be taken as things are configured (401, unknown project): told, kept for the fallback
  };
  Outcome outcome = Outcome::delivered;
  std::uint64_t rejected_records = 0;  // delivered: so many of the batch were refused by the server, which named none
  std::optional<std::chrono::milliseconds> retry_after;  // what the server asked for
  std::string why;  // for people, without secrets: "connection refused", "503 Service Unavailable"; empty if delivered
};

// Used by one thread at a time. Holds at most one connection and one encoded body.
class Sender {
 public:
  Sender() = default;
  Sender(const Sender&) = delete;
  Sender& operator=(const Sender&) = delete;
  virtual ~Sender() = default;

  [[nodiscard]] virtual BatchLimits limits() const { return {}; }
  // False: what was written to the socket counts as delivered (UDP, syslog over TCP), and the report says so.
  [[nodiscard]] virtual bool acknowledges() const = 0;
  // "otlp http://collector:4318", for people; without secrets.
  [[nodiscard]] virtual std::string describe() const = 0;

  // Makes the body of one request from 1 to limits().records records. Pure: the same records make the same bytes, also
  // in the process that takes over after a crash.
  [[nodiscard]] virtual std::string encode(std::span<const Record> records) = 0;
  // Sends a body that encode() made; connects first where that is needed. Returns at `deadline` at the latest. Called
  // again with the same bytes until it is delivered or rejected. Errors are results; nothing is thrown.
  [[nodiscard]] virtual SendResult send(std::string_view body, std::size_t records, Deadline deadline) = 0;
  // Whether the server is there, as far as that can be told without a record: a connection, and the server's consent
  // where the protocol has one. Before the first send().
  [[nodiscard]] virtual SendResult reach(Deadline /*deadline*/) { return {}; }
  // Nothing to send for some time: a connection may be given up.
  virtual void idle() {}
};

// What every sender needs to know of the run.
struct SenderContext {
  std::string instance;  // "web.1"
  std::string app;       // name of the app's executable: "gunicorn"
  std::string host;      // host name
};

// The sender of a network sink of the policy. Errors are mistakes in the policy (an address that is none, a CA file
// that can't be read): they name the key. Connects to nothing.
[[nodiscard]] Result<std::unique_ptr<Sender>> make_otlp_sender(const LogSink& sink, const SenderContext& context);
[[nodiscard]] Result<std::unique_ptr<Sender>> make_sentry_sender(const LogSink& sink, const SenderContext& context);
[[nodiscard]] Result<std::unique_ptr<Sender>> make_fluentd_sender(const LogSink& sink, const SenderContext& context);
[[nodiscard]] Result<std::unique_ptr<Sender>> make_syslog_sender(const LogSink& sink, const SenderContext& context);

}  // namespace cofferdam::logs
