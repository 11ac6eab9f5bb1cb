#include "report/event_stream.hpp"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "report/json_parts.hpp"

namespace cofferdam::report {

namespace {

constexpr std::size_t kFlushAt = 64 << 10;
constexpr std::size_t kMostWaiting = 4 << 20;
constexpr std::chrono::milliseconds kLongestWait{100};
constexpr std::chrono::milliseconds kRetry{20};
constexpr std::chrono::milliseconds kSlowestReader{2000};

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
  if (buffer_.size() - sent_ >= kMostWaiting) {
    if (!gap_) gap_ = Event{event.seq, event.ts, event.instance, GapEvent{0, "the reader of the events is slow", {}}};
    ++std::get<GapEvent>(gap_->body).count;
    return;
  }
  tell_gap();
  append(event);
  if (buffer_.size() - sent_ >= kFlushAt) (void)write_some();
}

void EventStream::append(const Event& event) {
  if (buffer_.empty()) due_ = Clock::now() + kLongestWait;
  buffer_ += event_json(event);
  buffer_ += '\n';
}

// The number of the first event that is missing is the gap's own, so the numbers stay in order.
void EventStream::tell_gap() {
  if (gap_) append(*std::exchange(gap_, std::nullopt));
}

std::chrono::milliseconds EventStream::next_tick() const {
  if (error_ || buffer_.empty()) return std::chrono::milliseconds(-1);
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(due_ - Clock::now());
  return std::max(left, std::chrono::milliseconds(0));
}

void EventStream::on_tick() {
  if (error_ || buffer_.empty() || Clock::now() < due_) return;
  if (write_some()) tell_gap();
}

bool EventStream::write_some() {
  while (sent_ < buffer_.size()) {
    const ssize_t count = ::write(fd_, buffer_.data() + sent_, buffer_.size() - sent_);
    if (count > 0) {
      sent_ += static_cast<std::size_t>(count);
    } else if (count < 0 && errno == EAGAIN) {
      break;
    } else if (count == 0 || errno != EINTR) {
      const int errnum = count == 0 ? EIO : errno;
      error_ = Error{std::string("can't write the events: ") + std::strerror(errnum), errnum};
      sent_ = buffer_.size();
    }
  }
  const bool room = sent_ == buffer_.size();
  if (room || sent_ >= kFlushAt * 16) buffer_.erase(0, std::exchange(sent_, 0));
  due_ = Clock::now() + (room ? kLongestWait : kRetry);
  return room;
}

Result<void> EventStream::flush() {
  while (!error_ && (!buffer_.empty() || gap_)) {
    if (buffer_.empty()) tell_gap();
    if (write_some()) continue;
    pollfd ready{fd_, POLLOUT, 0};
    if (::poll(&ready, 1, kSlowestReader.count()) == 0) {
      error_ = Error{"can't write the last events: the reader took none for 2 seconds", ETIMEDOUT};
    }
  }
  if (error_) return std::unexpected(*error_);
  return {};
}

}  // namespace cofferdam::report
