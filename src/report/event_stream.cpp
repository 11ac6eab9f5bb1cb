#include "report/event_stream.hpp"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "report/json_parts.hpp"

namespace cofferdam::report {

namespace {

constexpr std::size_t kFlushAt = 64 << 10;

void write_body(base::JsonWriter& json, const StartedEvent& started) {
  json.field("event", "started").field("mode", started.mode);
  write_strings(json.key("command"), started.command);
  write_enforcement(json.key("enforcement"), started.enforcement);
  write_strings(json.key("notices"), started.notices);
}

void write_body(base::JsonWriter& json, const ExecEvent& exec) {
  write_process(json.field("event", "exec").key("process"), exec.process);
  json.key("parent").number(exec.parent);
}

void write_body(base::JsonWriter& json, const WriteEvent& write) {
  json.field("event", "write").field("call", write.call).field("path", write.path);
  if (!write.to.empty()) json.field("to", write.to);
  json.field("outcome", to_string(write.outcome)).field("by", write.by).key("errno").number(write.errnum);
  write_process(json.key("process"), write.process);
}

void write_body(base::JsonWriter& json, const ConnectEvent& connect) {
  json.field("event", "connect").field("destination", connect.destination);
  write_optional(json.key("engine"), connect.engine);
  json.field("verdict", connect.allowed ? "allowed" : "refused");
  json.field("outcome", connect.connected ? "connected" : "failed").key("errno").number(connect.errnum);
  write_process(json.key("process"), connect.process);
}

void write_body(base::JsonWriter& json, const GapEvent& gap) {
  json.field("event", "gap").key("count").unsigned_number(gap.count).field("reason", gap.reason);
  write_optional(json.key("sink"), gap.sink);
}

void write_body(base::JsonWriter& json, const Finding& finding) {
  write_finding_keys(json.field("event", "finding"), finding);
}

void write_body(base::JsonWriter& json, const RepeatedEvent& repeated) {
  json.field("event", "repeated").key("of").unsigned_number(repeated.of);
  json.key("count").unsigned_number(repeated.count).field("last", base::rfc3339(repeated.last));
}

void write_body(base::JsonWriter& json, const ExitedEvent& exited) {
  const auto number = [&](std::string_view key, const std::optional<int>& value) {
    json.key(key);
    if (value) {
      json.number(*value);
    } else {
      json.null();
    }
  };
  json.field("event", "exited");
  number("code", exited.code);
  number("signal", exited.signal);
}

// The errno, 0 when all was written.
int write_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count > 0) {
      bytes.remove_prefix(static_cast<std::size_t>(count));
    } else if (count == 0) {
      return EIO;
    } else if (errno == EAGAIN) {
      pollfd ready{fd, POLLOUT, 0};
      (void)::poll(&ready, 1, -1);  // what is wrong, if anything, is told by the next write
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

}  // namespace

std::string event_json(const Event& event) {
  base::JsonWriter json;
  json.begin_object().key("v").number(1).key("seq").unsigned_number(event.seq);
  json.field("ts", base::rfc3339(event.ts)).field("instance", event.instance);
  std::visit([&](const auto& body) { write_body(json, body); }, event.body);
  return json.end_object().take();
}

EventStream::~EventStream() {
  (void)flush();
}  // whoever wants the error asks before

void EventStream::on_event(const Event& event) {
  if (error_) return;
  buffer_ += event_json(event);
  buffer_ += '\n';
  if (buffer_.size() >= kFlushAt) (void)flush();  // remembered
}

Result<void> EventStream::flush() {
  if (!error_ && !buffer_.empty()) {
    if (const int errnum = write_all(fd_, buffer_); errnum != 0) {
      error_ = Error{std::string("can't write the events: ") + std::strerror(errnum), errnum};
    }
    buffer_.clear();
  }
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace cofferdam::report
