// The syslog sink: a local socket, UDP (RFC 5426), TCP (RFC 6587) or TLS (RFC 5425). None of them acknowledges.
#include <cerrno>
#include <optional>
#include <string>

#include "logs/net/connection.hpp"
#include "logs/sinks/sender.hpp"
#include "logs/sinks/syslog_encoder.hpp"
#include "policy/log_address.hpp"

namespace cofferdam::logs {

namespace {

using Outcome = SendResult::Outcome;
using Transport = Endpoint::Transport;

class SyslogSender : public Sender {
 public:
  SyslogSender(const LogSink& sink, Endpoint endpoint, const SenderContext& context)
      : endpoint_(std::move(endpoint)),
        octet_counting_(sink.octet_counting),
        encoder_({.facility = syslog_facility(sink.facility),
                  .host = context.host,
                  .app = sink.app_name.empty() ? context.app : sink.app_name,
                  .instance = context.instance,
                  .max_message = sink.max_message,
                  .local = !endpoint_.path.empty(),
                  .one_line = !sink.octet_counting || !endpoint_.path.empty()}) {}

  [[nodiscard]] bool acknowledges() const override { return false; }
  [[nodiscard]] std::string describe() const override { return "syslog " + to_string(endpoint_); }
  // Small batches: what was written when a connection breaks is sent again.
  [[nodiscard]] BatchLimits limits() const override { return {256, 256 << 10, std::chrono::milliseconds(50)}; }

  [[nodiscard]] std::string encode(std::span<const Record> records) override {
    sent_ = 0;
    return encoder_.encode(records);
  }

  [[nodiscard]] SendResult send(std::string_view body, std::size_t /*records*/, Deadline deadline) override {
    if (connection_ && connection_->is_stale()) connection_.reset();
    if (SendResult reached = reach(deadline); reached.outcome != Outcome::delivered) return reached;
    const bool datagrams = endpoint_.transport == Transport::udp || endpoint_.transport == Transport::unix_datagram;
    // A stream that broke may have lost what it had taken; of datagrams, those that were sent are gone.
    if (!datagrams) sent_ = 0;
    const bool counted = octet_counting_ && endpoint_.transport != Transport::unix_stream;
    const Result<void> written = !datagrams && counted ? connection_->write(body, deadline)
                                 : datagrams           ? write_datagrams(body, deadline)
                                                       : write_lines(body, deadline);
    if (written) return {};
    connection_.reset();
    return retry(written.error().message);
  }

  // Nobody answers over UDP.
  [[nodiscard]] SendResult reach(Deadline deadline) override {
    if (connection_) return {};
    auto opened = open(deadline);
    if (!opened) return retry(opened.error().message);
    connection_.emplace(std::move(*opened));
    return {};
  }

  void idle() override {
    if (endpoint_.transport == Transport::tls) connection_.reset();
  }

 private:
  static SendResult retry(std::string why) {
    SendResult result;
    result.outcome = Outcome::retry;
    result.why = std::move(why);
    return result;
  }

  Result<Connection> open(Deadline deadline) {
    auto opened = Connection::open(endpoint_, deadline);
    // Some daemons listen on a stream socket at the same path.
    if (!opened && endpoint_.transport == Transport::unix_datagram && opened.error().errnum == EPROTOTYPE) {
      endpoint_.transport = Transport::unix_stream;
      opened = Connection::open(endpoint_, deadline);
    }
    return opened;
  }

  Result<void> write_datagrams(std::string_view body, Deadline deadline) {
    std::string_view rest = body.substr(std::min(sent_, body.size()));
    while (!rest.empty()) {
      const std::string_view message = take_frame(rest);
      if (message.empty()) break;
      if (auto written = connection_->write(message, deadline); !written) return written;
      sent_ = body.size() - rest.size();
    }
    return {};
  }

  Result<void> write_lines(std::string_view body, Deadline deadline) {
    std::string lines;
    while (!body.empty()) {
      const std::string_view message = take_frame(body);
      if (message.empty()) break;
      lines += message;
      lines += '\n';
    }
    return connection_->write(lines, deadline);
  }

  Endpoint endpoint_;
  bool octet_counting_;
  SyslogEncoder encoder_;
  std::optional<Connection> connection_;
  std::size_t sent_ = 0;  // bytes of the body whose datagrams are sent
};

}  // namespace

Result<std::unique_ptr<Sender>> make_syslog_sender(const LogSink& sink, const SenderContext& context) {
  const auto address = policy::parse_log_address(sink);
  if (!address) return fail(address.error().message);
  Endpoint endpoint;
  endpoint.host = address->host;
  endpoint.port = address->port;
  endpoint.path = address->path;
  endpoint.ca_file = sink.ca_file;
  endpoint.verify = sink.verify;
  endpoint.transport = !address->path.empty()               ? Transport::unix_datagram
                       : sink.address.starts_with("udp://") ? Transport::udp
                       : sink.address.starts_with("tls://") ? Transport::tls
                                                            : Transport::tcp;
  return std::make_unique<SyslogSender>(sink, std::move(endpoint), context);
}

}  // namespace cofferdam::logs
