#include "run/own_channel.hpp"

#include <sys/socket.h>

#include <cerrno>
#include <string>

#include "base/text.hpp"
#include "logs/pump_memory.hpp"
#include "logs/queue/packed.hpp"

namespace cofferdam::run {

namespace {

constexpr std::size_t kMost = std::tuple_size_v<decltype(logs::Received::bytes)>;
constexpr std::size_t kMostMessage = kMost / 2;

logs::Record own_record(LogLevel level, std::string_view message) {
  logs::Record record;
  record.stream = LogStream::own;
  record.level = level;
  record.message = message;
  return record;
}

}  // namespace

Result<OwnChannel> OwnChannel::open() {
  auto pipe = kernel::make_message_pipe();
  if (!pipe) return std::unexpected(pipe.error());
  OwnChannel channel;
  channel.pipe_ = std::move(*pipe);
  return channel;
}

void OwnChannel::tell(LogLevel level, std::string_view message, const std::vector<logs::Field>& fields) {
  if (!is_open()) return;
  if (left_out_ != 0) {
    const std::string said = base::plural(left_out_, "record") + " of cofferdam's own " +
                             (left_out_ == 1 ? "is" : "are") + " missing here: the log pump was busy";
    if (!send(own_record(LogLevel::warning, said))) {
      ++left_out_;
      return;
    }
    left_out_ = 0;
  }
  logs::Record record = own_record(level, message);
  record.fields = fields;
  if (logs::packed_size(record) > kMost) {
    record.fields = {};
    record.message = message.substr(0, kMostMessage);
  }
  if (!send(record)) ++left_out_;
}

bool OwnChannel::send(const logs::Record& record) {
  std::string packed(logs::packed_size(record), '\0');
  (void)logs::pack(record, packed.data());
  ssize_t sent = -1;
  do {
    sent = ::send(pipe_.write.get(), packed.data(), packed.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  return sent >= 0;
}

}  // namespace cofferdam::run
