#include "kernel/oom_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>

namespace cofferdam::kernel {

namespace {

constexpr std::size_t kMostKills = 64;
constexpr std::size_t kLongestRecord = 8192;  // CONSOLE_EXT_LOG_MAX

// What stands between `key` and the next ','.
std::string_view value_of(std::string_view record, std::string_view key) {
  const std::size_t at = record.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = record.substr(at + key.size());
  return rest.substr(0, rest.find_first_of(",\n"));
}

std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

OomLog::OomLog() : log_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC)) {
  if (log_ && lseek(log_.get(), 0, SEEK_END) < 0) log_.reset();
}

std::vector<OomKill> OomLog::read(std::string_view name) {
  OomRecords records(name);
  std::array<char, kLongestRecord> buffer{};
  while (log_) {
    const ssize_t got = ::read(log_.get(), buffer.data(), buffer.size());
    // EPIPE: records were overwritten; the next read goes on with the oldest that is left.
    if (got < 0 && (errno == EINTR || errno == EPIPE)) continue;
    if (got <= 0) break;
    records.add({buffer.data(), static_cast<std::size_t>(got)});
  }
  return records.take();
}

void OomRecords::add(std::string_view record) {
  if (record.find("oom-kill:") != std::string_view::npos) {
    const bool ours = value_of(record, "task_memcg=").ends_with(cgroup_);
    if (!ours || kills_.size() == kMostKills) return;
    // The name may hold a comma; the number behind it can't.
    const std::size_t name = record.find(",task=");
    const std::size_t pid = record.rfind(",pid=");
    if (name == std::string_view::npos || pid == std::string_view::npos || pid < name + 6) return;
    kills_.push_back(
        {std::string(record.substr(name + 6, pid - name - 6)), static_cast<int>(number_of(record.substr(pid + 5))), 0});
    return;
  }
  const std::size_t killed = record.find("Killed process ");
  if (killed == std::string_view::npos || kills_.empty()) return;
  const std::string_view rest = record.substr(killed + 15);
  if (number_of(rest) != static_cast<std::uint64_t>(kills_.back().pid)) return;
  for (const char* key : {"anon-rss:", "shmem-rss:"}) {
    kills_.back().bytes += number_of(value_of(rest, key)) << 10;
  }
}

}  // namespace cofferdam::kernel
