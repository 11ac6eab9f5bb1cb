#include "supervise/event_log.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

namespace cofferdam::supervise {

namespace {

// What makes, removes or moves a name is told each time.
constexpr std::array<std::string_view, 15> kOfNames = {"mkdir", "mkdirat", "mknod",     "mknodat",   "symlink",
                                                       "link",  "linkat",  "symlinkat", "unlink",    "unlinkat",
                                                       "rmdir", "rename",  "renameat",  "renameat2", "bind"};

std::size_t hash_of(const WriteEvent& write) {
  std::size_t hash = reinterpret_cast<std::uintptr_t>(write.process.get());
  const auto add = [&](std::size_t part) { hash = (hash ^ part) * 0x9e3779b97f4a7c15ULL; };
  for (const std::string_view text : {std::string_view(write.call), std::string_view(write.path)}) {
    add(std::hash<std::string_view>{}(text));
  }
  add(static_cast<std::size_t>(write.outcome));
  add(static_cast<std::size_t>(write.errnum));
  return hash ^ (hash >> 32);
}

std::chrono::nanoseconds between(const std::timespec& from, const std::timespec& to) {
  return std::chrono::seconds(to.tv_sec - from.tv_sec) + std::chrono::nanoseconds(to.tv_nsec - from.tv_nsec);
}

}  // namespace

bool EventLog::repeats(const WriteEvent& write, const std::timespec& now) {
  if (between(told_, now) >= kTellEvery) tell_repeats(now);
  if (std::ranges::find(kOfNames, std::string_view(write.call)) != kOfNames.end()) return false;
  const std::size_t hash = hash_of(write);
  const auto known = repeats_.find(hash);
  // A reference that is too old says nothing to whoever reads the stream with a bounded memory.
  if (known != repeats_.end() && last() - known->second.of < kRepeatWindow / 2) {
    ++known->second.count;
    known->second.last = now;
    untold_ = untold_ == 0 ? known->second.of : std::min(untold_, known->second.of);
    return true;
  }
  if (known != repeats_.end() || repeats_.size() >= kMostRepeats) {
    tell_repeats(now);
    if (repeats_.size() >= kMostRepeats) repeats_.clear();
  }
  repeats_.insert_or_assign(hash, Repeat{last() + 1, 0, {}, write.process});
  return false;
}

void EventLog::tell_repeats(const std::timespec& now) {
  told_ = now;
  untold_ = 0;
  for (auto& [hash, repeat] : repeats_) {
    if (repeat.count == 0) continue;
    Event event;
    event.ts = now;
    event.body = RepeatedEvent{repeat.of, std::exchange(repeat.count, 0), repeat.last};
    send(std::move(event));
  }
}

void EventLog::send(Event event) {
  event.seq = ++last();
  event.instance = instance_;
  for (EventSink* sink : sinks_) sink->on_event(event);
}

}  // namespace cofferdam::supervise
