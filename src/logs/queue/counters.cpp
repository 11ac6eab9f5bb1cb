#include "logs/queue/counters.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace cofferdam::logs {

void announce(SinkCounters& counters) {
  const int fd = counters.news_fd.load(std::memory_order_relaxed);
  if (fd <= 0 || counters.announced.exchange(true)) return;
  constexpr std::uint64_t kOne = 1;
  (void)!::write(fd, &kOne, sizeof kOne);
}

void set_status(SinkCounters& counters, SinkCondition condition, std::string_view text) {
  const std::uint64_t next = counters.version.load(std::memory_order_relaxed) + 1;
  auto& place = counters.texts[next % 2];
  const std::size_t size = std::min(text.size(), place.size() - 1);
  std::memcpy(place.data(), text.data(), size);
  place[size] = '\0';
  counters.conditions[next % 2].store(condition, std::memory_order_relaxed);
  counters.version.store(next, std::memory_order_release);
  announce(counters);
}

SinkStatus read_status(const SinkCounters& counters) {
  SinkStatus status;
  // A second change while we copy would write what we read: then again. Twice in a row is enough of that.
  for (int attempt = 0; attempt < 3; ++attempt) {
    status.version = counters.version.load(std::memory_order_acquire);
    const auto& place = counters.texts[status.version % 2];
    status.condition = counters.conditions[status.version % 2].load(std::memory_order_relaxed);
    status.text.assign(place.data(), strnlen(place.data(), place.size()));
    std::atomic_thread_fence(std::memory_order_acquire);
    if (counters.version.load(std::memory_order_relaxed) == status.version) break;
  }
  return status;
}

}  // namespace cofferdam::logs
