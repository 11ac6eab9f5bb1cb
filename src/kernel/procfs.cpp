#include "kernel/procfs.hpp"

#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>

namespace cofferdam::kernel {

std::optional<ThreadView> ThreadView::open(pid_t tid) {
  std::array<char, 32> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d", tid);
  Fd directory(::open(path.data(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!directory) return std::nullopt;
  return ThreadView(tid, std::move(directory));
}

ssize_t ThreadView::read_memory(std::uint64_t address, std::span<std::byte> into) const {
  const iovec local{into.data(), into.size()};
  // The address is a number of another process; as a pointer it is only handed on.
  const iovec remote{reinterpret_cast<void*>(address), into.size()};  // NOLINT(performance-no-int-to-ptr)
  const long got = syscall(SYS_process_vm_readv, tid_, &local, 1, &remote, 1, 0);
  if (got >= 0) return got;
  if (errno != EPERM && errno != ENOSYS) return -errno;
  const Fd memory(openat(directory_.get(), "mem", O_RDONLY | O_CLOEXEC));
  if (!memory) return -errno;
  const ssize_t read_bytes = pread(memory.get(), into.data(), into.size(), static_cast<off_t>(address));
  if (read_bytes < 0) return errno == EIO ? -EFAULT : -errno;
  return read_bytes;
}

// Not by /proc/<tid>/mem, which writes to read-only pages as well.
ssize_t ThreadView::write_memory(std::uint64_t address, std::span<const std::byte> from) const {
  const iovec local{const_cast<std::byte*>(from.data()), from.size()};
  const iovec remote{reinterpret_cast<void*>(address), from.size()};  // NOLINT(performance-no-int-to-ptr)
  const long got = syscall(SYS_process_vm_writev, tid_, &local, 1, &remote, 1, 0);
  return got >= 0 ? got : -errno;
}

Result<std::string> ThreadView::read_path(std::uint64_t address) const {
  if (address == 0) return fail("no path", EFAULT);
  std::string path;
  std::array<std::byte, PATH_MAX> buffer{};
  // A read never crosses into the next page before it has to: the string may end right before an unmapped one.
  constexpr std::uint64_t kPage = 4096;
  while (path.size() < PATH_MAX) {
    const std::uint64_t at = address + path.size();
    const std::size_t chunk = std::min<std::size_t>(kPage - at % kPage, PATH_MAX - path.size());
    const ssize_t got = read_memory(at, std::span(buffer).first(chunk));
    if (got <= 0) return fail("unreadable path", got < 0 ? static_cast<int>(-got) : EFAULT);
    const auto* text = reinterpret_cast<const char*>(buffer.data());
    const std::size_t length = strnlen(text, static_cast<std::size_t>(got));
    path.append(text, length);
    if (length < static_cast<std::size_t>(got)) return path;
  }
  return fail("path too long", ENAMETOOLONG);
}

Result<AuxiliaryVector> ThreadView::auxiliary_vector() const {
  const auto raw = read_file_at(directory_.get(), "auxv", 4096);
  if (!raw) return std::unexpected(raw.error());
  AuxiliaryVector vector;
  for (std::size_t at = 0; at + 2 * sizeof(std::uint64_t) <= raw->size(); at += 2 * sizeof(std::uint64_t)) {
    std::uint64_t pair[2];
    std::memcpy(pair, raw->data() + at, sizeof pair);
    switch (pair[0]) {
      case AT_NULL: return vector;
      case AT_RANDOM: vector.random = pair[1]; break;
      case AT_BASE: vector.base = pair[1]; break;
      case AT_ENTRY: vector.entry = pair[1]; break;
      case AT_SYSINFO_EHDR: vector.sysinfo_ehdr = pair[1]; break;
      default: break;
    }
  }
  // An empty auxv is what a process without memory (exiting, zombie) shows: no identity.
  return fail("auxv: incomplete", ESRCH);
}

Result<FileIdentity> ThreadView::executable_identity() const {
  return identify(directory_.get(), "exe");
}
Result<std::string> ThreadView::executable_path() const {
  return read_link_at(directory_.get(), "exe");
}

namespace {

Result<std::vector<std::string>> split_nul(Result<std::string> text, std::size_t limit) {
  if (!text) return std::unexpected(text.error());
  if (text->size() >= limit && limit == ThreadView::kMostArguments) return fail("too long to be judged", E2BIG);
  std::vector<std::string> parts;
  std::size_t start = 0;
  while (start < text->size()) {
    const std::size_t end = std::min(text->find('\0', start), text->size());
    parts.push_back(text->substr(start, end - start));
    start = end + 1;
  }
  return parts;
}

}  // namespace

Result<std::vector<std::string>> ThreadView::arguments(std::size_t limit) const {
  return split_nul(read_file_at(directory_.get(), "cmdline", limit), limit);
}

Result<std::vector<std::string>> ThreadView::environment(std::size_t limit) const {
  return split_nul(read_file_at(directory_.get(), "environ", limit), limit);
}

// A process may have 65,536 groups (NGROUPS_MAX) of eleven characters each; a line that was cut would name others.
constexpr std::size_t kMostStatus = 1 << 20;

Result<ThreadStatus> ThreadView::status() const {
  const auto text = read_file_at(directory_.get(), "status", kMostStatus);
  if (!text) return std::unexpected(text.error());
  // Fields after "Name:" are ours to trust; the name itself can hold no newline (proc(5): it is escaped).
  const auto numbers = [&](const char* key) {
    std::vector<long> values;
    const std::size_t at = text->find(std::string("\n") + key + ":");
    if (at == std::string::npos) return values;
    const char* cursor = text->c_str() + at + 2 + std::strlen(key);
    for (;;) {
      while (*cursor == '\t' || *cursor == ' ') ++cursor;
      char* end = nullptr;
      const long value = std::strtol(cursor, &end, 10);
      if (end == cursor) return values;
      values.push_back(value);
      cursor = end;
      if (*cursor == '\n' || *cursor == '\0') return values;
    }
  };
  ThreadStatus status;
  const auto tgid = numbers("Tgid");
  const auto ppid = numbers("PPid");
  const auto uids = numbers("Uid");
  const auto gids = numbers("Gid");
  const auto inner = numbers("NStgid");
  if (tgid.empty() || ppid.empty() || uids.size() < 4 || gids.size() < 4) return fail("status: incomplete", ESRCH);
  status.tgid = static_cast<pid_t>(tgid[0]);
  status.ppid = static_cast<pid_t>(ppid[0]);
  status.euid = static_cast<uid_t>(uids[1]);
  status.fsuid = static_cast<uid_t>(uids[3]);
  status.egid = static_cast<gid_t>(gids[1]);
  status.fsgid = static_cast<gid_t>(gids[3]);
  for (const long group : numbers("Groups")) status.groups.push_back(static_cast<gid_t>(group));
  status.inner_pid = inner.empty() ? status.tgid : static_cast<pid_t>(inner.back());
  return status;
}

bool ThreadView::has_signal() const {
  const auto text = read_file_at(directory_.get(), "status", kMostStatus);
  if (!text) return false;
  const auto field = [&](const char* key, int base) -> std::uint64_t {
    const std::size_t at = text->find(std::string("\n") + key + ":");
    return at == std::string::npos ? 0 : std::strtoull(text->c_str() + at + 2 + std::strlen(key), nullptr, base);
  };
  constexpr int kDecimal = 10;
  constexpr int kHexadecimal = 16;
  const bool first = field("Tgid", kDecimal) == field("Pid", kDecimal);
  const std::uint64_t waiting = field("SigPnd", kHexadecimal) | (first ? field("ShdPnd", kHexadecimal) : 0);
  return (waiting & ~field("SigBlk", kHexadecimal)) != 0;
}

namespace {
std::array<char, 32> fd_path(int number) {
  std::array<char, 32> path{};
  std::snprintf(path.data(), path.size(), "fd/%d", number);
  return path;
}
}  // namespace

Result<std::string> ThreadView::descriptor_link(int number) const {
  return read_link_at(directory_.get(), fd_path(number).data());
}

std::string ThreadView::socket_protocol(int number) const {
  std::array<char, 32> name{};
  const std::string path = "/proc/self/fd/" + std::to_string(directory_.get()) + "/" + fd_path(number).data();
  const ssize_t length = getxattr(path.c_str(), "system.sockprotoname", name.data(), name.size() - 1);
  return length > 0 ? std::string(name.data()) : std::string();
}

Fd ThreadView::pin_descriptor(int number) const {
  return Fd(openat(directory_.get(), fd_path(number).data(), O_PATH | O_CLOEXEC));
}
Fd ThreadView::pin_working_directory() const {
  return Fd(openat(directory_.get(), "cwd", O_PATH | O_DIRECTORY | O_CLOEXEC));
}
Fd ThreadView::pin_root() const {
  return Fd(openat(directory_.get(), "root", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

std::optional<std::uint64_t> socket_inode(const std::string& link) {
  constexpr std::string_view kPrefix = "socket:[";
  if (!link.starts_with(kPrefix)) return std::nullopt;
  std::uint64_t inode = 0;
  const auto [end, error] = std::from_chars(link.data() + kPrefix.size(), link.data() + link.size(), inode);
  if (error != std::errc{} || end == link.data() + link.size() || *end != ']') return std::nullopt;
  return inode;
}

std::uint64_t private_memory(pid_t pid) {
  const std::string place = "/proc/" + std::to_string(pid);
  if (const auto rollup = read_file(place + "/smaps_rollup", 4096)) {
    constexpr std::string_view kKey = "\nPss_Anon:";
    if (const std::size_t at = rollup->find(kKey); at != std::string::npos)
      return std::strtoull(rollup->c_str() + at + kKey.size(), nullptr, 10) * 1024;
  }
  const auto pages = read_file(place + "/statm", 256);
  if (!pages) return 0;
  unsigned long resident = 0;
  unsigned long shared = 0;
  if (std::sscanf(pages->c_str(), "%*u %lu %lu", &resident, &shared) != 2 || shared > resident) return 0;
  return static_cast<std::uint64_t>(resident - shared) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

std::vector<pid_t> descendants_of(pid_t ancestor) {
  std::multimap<pid_t, pid_t> children;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(opendir("/proc"), closedir);
  while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    const auto stat = read_file(std::string("/proc/") + entry->d_name + "/stat", 4096);
    if (!stat) continue;
    // The command is in parentheses and may hold any of them: the last one ends it.
    const std::size_t close = stat->rfind(')');
    if (close == std::string::npos || close + 4 >= stat->size()) continue;
    children.emplace(std::atoi(stat->c_str() + close + 4), pid);
  }
  std::vector<pid_t> found;
  std::vector<pid_t> open = {ancestor};
  while (!open.empty()) {
    const pid_t parent = open.back();
    open.pop_back();
    const auto [first, last] = children.equal_range(parent);
    for (auto child = first; child != last; ++child) {
      found.push_back(child->second);
      open.push_back(child->second);
    }
  }
  return found;
}

std::optional<std::vector<pid_t>> quick_descendants_of(pid_t ancestor) {
  std::vector<pid_t> found;
  for (std::size_t next = 0; next <= found.size(); ++next) {
    const pid_t parent = next == 0 ? ancestor : found[next - 1];
    const std::string tasks = "/proc/" + std::to_string(parent) + "/task";
    const std::unique_ptr<DIR, int (*)(DIR*)> threads(opendir(tasks.c_str()), closedir);
    while (const dirent* thread = threads ? readdir(threads.get()) : nullptr) {
      if (thread->d_name[0] == '.') continue;
      const auto children = read_file(tasks + "/" + thread->d_name + "/children", 1 << 20);
      if (!children) {
        if (children.error().errnum == ENOENT && next == 0 && std::atoi(thread->d_name) == ancestor)
          return std::nullopt;
        continue;
      }
      char* end = nullptr;
      for (const char* at = children->c_str(); *at != '\0'; at = end) {
        const long pid = std::strtol(at, &end, 10);
        if (end == at) break;
        found.push_back(static_cast<pid_t>(pid));
        if (*end == ' ') ++end;
      }
    }
  }
  return found;
}

}  // namespace cofferdam::kernel
