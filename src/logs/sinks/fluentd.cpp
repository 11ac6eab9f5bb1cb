// The sink of the Fluentd forward protocol, version 1 (fluent/fluentd wiki, Forward-Protocol-Specification-v1).
#include <openssl/evp.h>
#include <sys/random.h>

#include <array>
#include <msgpack.hpp>
#include <optional>

#include "base/text.hpp"
#include "logs/net/connection.hpp"
#include "logs/sinks/fluentd_encoder.hpp"
#include "logs/sinks/sender.hpp"
#include "policy/log_address.hpp"

namespace cofferdam::logs {

namespace {

using Outcome = SendResult::Outcome;

constexpr std::size_t kLargestAnswer = 64 << 10;

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < size; ++i) {
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 15U];
  }
  return text;
}

std::string sha512(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha512(), nullptr) != 1) return {};
  return hex(digest.data(), size);
}

std::string replaced(std::string text, std::string_view what, std::string_view with) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
    text.replace(at, what.size(), with);
  }
  return text;
}

// What a peer says, or nothing where it says something else.
std::optional<std::string> text_of(const msgpack::object& object) {
  if (object.type == msgpack::type::STR) return std::string(object.via.str.ptr, object.via.str.size);
  if (object.type == msgpack::type::BIN) return std::string(object.via.bin.ptr, object.via.bin.size);
  return std::nullopt;
}

const msgpack::object* member(const msgpack::object& map, std::string_view key) {
  if (map.type != msgpack::type::MAP) return nullptr;
  for (std::uint32_t i = 0; i < map.via.map.size; ++i) {
    if (text_of(map.via.map.ptr[i].key) == key) return &map.via.map.ptr[i].val;
  }
  return nullptr;
}

// ["HELO", options]
bool is_helo(const msgpack::object& answer) {
  return answer.type == msgpack::type::ARRAY && answer.via.array.size == 2 &&
         text_of(answer.via.array.ptr[0]) == "HELO";
}

class FluentdSender : public Sender {
 public:
  FluentdSender(const LogSink& sink, Endpoint endpoint, const SenderContext& context)
      : endpoint_(std::move(endpoint)),
        key_(sink.shared_key),
        host_(context.host),
        ack_(sink.ack),
        encoder_(replaced(replaced(sink.tag, "{instance}", context.instance), "{app}", context.app), context.instance,
                 {.gzip = sink.compress == LogSink::Compress::gzip, .ack = sink.ack}) {}

  [[nodiscard]] bool acknowledges() const override { return ack_; }
  [[nodiscard]] std::string describe() const override { return "fluentd " + to_string(endpoint_); }
  [[nodiscard]] std::string encode(std::span<const Record> records) override { return encoder_.encode(records); }

  [[nodiscard]] SendResult send(std::string_view body, std::size_t /*records*/, Deadline deadline) override {
    if (connection_ && connection_->is_stale()) close();
    if (auto failed = connect(deadline)) return *failed;
    if (auto written = connection_->write(body, deadline); !written) return lost(written.error().message);
    if (!ack_) return {};
    return await(chunk_of(body), deadline);
  }

  [[nodiscard]] SendResult reach(Deadline deadline) override { return connect(deadline).value_or(SendResult{}); }

  void idle() override { close(); }

 private:
  static SendResult wrong(Outcome outcome, std::string why) {
    SendResult result;
    result.outcome = outcome;
    result.why = std::move(why);
    return result;
  }

  SendResult lost(std::string why) {
    close();
    return wrong(Outcome::retry, std::move(why));
  }

  void close() {
    connection_.reset();
    unpacker_ = msgpack::unpacker();
    unread_ = 0;
  }

  // Nothing: it is connected.
  std::optional<SendResult> connect(Deadline deadline) {
    if (connection_) return std::nullopt;
    auto opened = Connection::open(endpoint_, deadline);
    if (!opened) return wrong(Outcome::retry, opened.error().message);
    connection_.emplace(std::move(*opened));
    if (key_.empty()) return std::nullopt;
    return shake_hands(deadline);
  }

  // HELO, PING, PONG: both sides show that they know the key.
  std::optional<SendResult> shake_hands(Deadline deadline) {
    auto helo = read(deadline);
    if (!helo) return lost(helo.error().message);
    const msgpack::object& hello = helo->get();
    if (!is_helo(hello)) return lost("the server does not begin with HELO: has it a shared key?");
    const msgpack::object& options = hello.via.array.ptr[1];
    const msgpack::object* const nonce = member(options, "nonce");
    const std::string challenge = nonce == nullptr ? "" : text_of(*nonce).value_or("");
    const msgpack::object* const auth = member(options, "auth");
    if (auth != nullptr && !text_of(*auth).value_or("").empty()) {
      close();
      return wrong(Outcome::failed, "the server wants a user name and a password, which cofferdam does not send");
    }
    std::array<unsigned char, 16> random{};
    if (getrandom(random.data(), random.size(), 0) != static_cast<ssize_t>(random.size()))
      return lost("no random bytes");
    const std::string salt = hex(random.data(), random.size());
    msgpack::sbuffer ping;
    msgpack::packer<msgpack::sbuffer> packer(ping);
    packer.pack_array(6);
    for (const std::string& text :
         {std::string("PING"), host_, salt, sha512(salt + host_ + challenge + key_), std::string(), std::string()}) {
      packer.pack(text);
    }
    if (auto sent = connection_->write({ping.data(), ping.size()}, deadline); !sent) return lost(sent.error().message);

    auto pong = read(deadline);
    if (!pong) return lost(pong.error().message);
    const msgpack::object& answer = pong->get();
    const bool is_pong = answer.type == msgpack::type::ARRAY && answer.via.array.size == 5 &&
                         text_of(answer.via.array.ptr[0]) == "PONG" &&
                         answer.via.array.ptr[1].type == msgpack::type::BOOLEAN;
    if (!is_pong) return lost("the server answers PING with something else than PONG");
    const auto& parts = answer.via.array.ptr;
    if (!parts[1].via.boolean) {
      const std::string reason = text_of(parts[2]).value_or("");
      close();
      return wrong(Outcome::failed,
                   "the server refuses the shared key" + (reason.empty() ? "" : ": " + base::printable(reason)));
    }
    const std::string server = text_of(parts[3]).value_or("");
    if (text_of(parts[4]) != sha512(salt + server + challenge + key_)) {
      close();
      return wrong(Outcome::failed, "the server does not know the shared key");
    }
    return std::nullopt;
  }

  SendResult await(const std::string& chunk, Deadline deadline) {
    for (;;) {
      auto answer = read(deadline);
      if (!answer) return lost("no acknowledgement: " + answer.error().message);
      if (is_helo(answer->get())) {
        close();
        return wrong(Outcome::failed, "the server asks for a shared key; see shared_key");
      }
      const msgpack::object* const ack = member(answer->get(), "ack");
      // Another one may still be under way from an attempt that was given up.
      if (ack != nullptr && text_of(*ack) == chunk) return {};
    }
  }

  Result<msgpack::object_handle> read(Deadline deadline) {
    msgpack::object_handle handle;
    try {
      while (!unpacker_.next(handle)) {
        if (unread_ > kLargestAnswer) return fail("the server says too much");
        constexpr std::size_t kBlock = 1024;
        unpacker_.reserve_buffer(kBlock);
        auto size = connection_->read(unpacker_.buffer(), kBlock, deadline);
        if (!size) return std::unexpected(size.error());
        if (*size == 0) return fail("the server has closed the connection");
        unpacker_.buffer_consumed(*size);
        unread_ += *size;
      }
    } catch (const std::exception&) {
      return fail("the server's answer is no MessagePack");
    }
    unread_ = 0;
    return handle;
  }

  Endpoint endpoint_;
  std::string key_;
  std::string host_;
  bool ack_;
  FluentdEncoder encoder_;
  std::optional<Connection> connection_;
  msgpack::unpacker unpacker_;
  std::size_t unread_ = 0;  // bytes since the last whole answer
};

}  // namespace

Result<std::unique_ptr<Sender>> make_fluentd_sender(const LogSink& sink, const SenderContext& context) {
  const auto address = policy::parse_log_address(sink);
  if (!address) return fail(address.error().message);
  Endpoint endpoint;
  endpoint.transport = sink.tls ? Endpoint::Transport::tls : Endpoint::Transport::tcp;
  endpoint.host = address->host;
  endpoint.port = address->port;
  endpoint.ca_file = sink.ca_file;
  endpoint.verify = sink.verify;
  return std::make_unique<FluentdSender>(sink, std::move(endpoint), context);
}

}  // namespace cofferdam::logs
