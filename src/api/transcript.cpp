#include "api/transcript.hpp"

#include <algorithm>
#include <utility>

namespace cofferdam::api {

namespace {

// A line that is no record, or an event that this version does not know, is kept as what it is: text, or nothing.
LogRecord record_of(std::string_view line) {
  auto record = parse_record(line);
  if (record) return std::move(*record);
  LogRecord plain;
  plain.message = line;
  return plain;
}

// The first of `kept` from `next` on that matches; moves `next` on.
template <class T>
bool find_new(const std::vector<T>& kept, std::size_t& next, const std::function<bool(const T&)>& matches) {
  while (next < kept.size()) {
    if (matches(kept[next++])) return true;
  }
  return false;
}

}  // namespace

void Lines::add(std::string_view bytes, const std::function<void(std::string_view)>& use) {
  for (std::size_t end = bytes.find('\n'); end != std::string_view::npos; end = bytes.find('\n')) {
    rest_ += bytes.substr(0, end);
    bytes.remove_prefix(end + 1);
    use(rest_);
    rest_.clear();
  }
  rest_ += bytes;
}

void Lines::finish(const std::function<void(std::string_view)>& use) {
  if (!rest_.empty()) use(std::exchange(rest_, {}));
}

void Transcript::add_events(std::string_view bytes) {
  event_lines_.add(bytes, [this](std::string_view line) { add_event(line); });
}

void Transcript::add_output(std::string_view bytes) {
  output_lines_.add(bytes, [this](std::string_view line) { add_record(line); });
}

void Transcript::add_messages(std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  run_.messages += bytes.substr(0, kMostMessages - std::min(kMostMessages, run_.messages.size()));
}

void Transcript::add_event(std::string_view line) {
  auto event = parse_event(line);
  if (!event) return;
  if (request_.on_event) request_.on_event(*event);
  const std::scoped_lock lock(mutex_);
  if (run_.events.size() < request_.keep_events) {
    run_.events.push_back(std::move(*event));
  } else {
    ++run_.events_missed;
  }
  changed_.notify_all();
}

void Transcript::add_record(std::string_view line) {
  LogRecord record = record_of(line);
  if (request_.on_record) request_.on_record(record);
  const std::scoped_lock lock(mutex_);
  if (output_ + record.message.size() <= request_.keep_output) {
    output_ += record.message.size();
    run_.records.push_back(std::move(record));
  } else {
    ++run_.records_missed;
  }
  changed_.notify_all();
}

FinishedRun Transcript::take() {
  event_lines_.finish([this](std::string_view line) { add_event(line); });
  output_lines_.finish([this](std::string_view line) { add_record(line); });
  const std::scoped_lock lock(mutex_);
  return run_;  // a copy: somebody may still be looking
}

void Transcript::end(Result<FinishedRun> result) {
  const std::scoped_lock lock(mutex_);
  result_ = std::move(result);
  changed_.notify_all();
}

bool Transcript::ended() const {
  const std::scoped_lock lock(mutex_);
  return result_.has_value();
}

Result<FinishedRun> Transcript::wait() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return result_.has_value(); });
  return *result_;
}

bool Transcript::wait_for_end(std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, timeout, [this] { return result_.has_value(); });
}

bool Transcript::wait_for_event(const std::function<bool(const Event&)>& matches,
                                std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  std::size_t next = 0;
  bool found = false;
  (void)changed_.wait_for(lock, timeout, [&] {
    found = found || find_new(run_.events, next, matches);
    return found || result_.has_value();
  });
  return found;
}

bool Transcript::wait_for_record(const std::function<bool(const LogRecord&)>& matches,
                                 std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  std::size_t next = 0;
  bool found = false;
  (void)changed_.wait_for(lock, timeout, [&] {
    found = found || find_new(run_.records, next, matches);
    return found || result_.has_value();
  });
  return found;
}

}  // namespace cofferdam::api
