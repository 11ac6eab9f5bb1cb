#include "logs/sinks/rotation.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace cofferdam::logs {

namespace {

constexpr std::array<std::string_view, 3> kSuffixes = {"", ".gz", ".zst"};
constexpr mode_t kNoType = 07777;
constexpr int kMostTries = 50;
constexpr useconds_t kPause = 1000;

// The number and the suffix in a name that is `name`.NUMBER and a suffix; number 0 in any other.
RotatedFile parse(std::string_view entry, std::string_view name) {
  RotatedFile file;
  if (!entry.starts_with(name) || entry.size() <= name.size() + 1 || entry[name.size()] != '.') return file;
  entry.remove_prefix(name.size() + 1);
  std::uint64_t number = 0;
  const auto parsed = std::from_chars(entry.begin(), entry.end(), number);
  const auto rest = entry.substr(static_cast<std::size_t>(parsed.ptr - entry.begin()));
  const auto* const suffix = std::ranges::find(kSuffixes, rest);
  // "01" is not ours: shifted, it would become another number.
  if (parsed.ec != std::errc{} || suffix == kSuffixes.end() || entry.starts_with('0')) return file;
  file.number = number;
  file.suffix = *suffix;
  return file;
}

std::unexpected<Error> cant(const char* what, const std::string& name) {
  return fail(std::string("can't ") + what + " the log file " + name + ": " + std::strerror(errno), errno);
}

}  // namespace

Result<std::optional<FilePlace>> locate(const std::string& path) {
  struct stat status{};
  std::unique_ptr<char, decltype(&std::free)> real(nullptr, &std::free);
  // Between its old file and its new one, somebody who rotates it leaves the name free for a moment.
  for (int tries = 0;; ++tries) {
    if (::stat(path.c_str(), &status) == 0) {
      if (!S_ISREG(status.st_mode)) return std::nullopt;
      real.reset(::realpath(path.c_str(), nullptr));
    }
    if (real) break;
    if (errno != ENOENT || tries == kMostTries) return cant("find", path);
    (void)::usleep(kPause);
  }
  const std::string resolved = real.get();
  const std::size_t slash = resolved.rfind('/');
  const std::string parent = slash == 0 ? "/" : resolved.substr(0, slash);
  FilePlace place;
  place.name = resolved.substr(slash + 1);
  place.directory.reset(::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!place.directory) return cant("open the directory of", path);
  return place;
}

RotatedFiles::RotatedFiles(int directory, std::string name, const LogRotation& rotation)
    : directory_(directory), name_(std::move(name)), rotation_(rotation) {}

std::string RotatedFiles::name_of(const RotatedFile& file) const {
  return name_ + "." + std::to_string(file.number) + std::string(file.suffix);
}

std::vector<RotatedFile> RotatedFiles::list() const {
  std::vector<RotatedFile> files;
  const int fd = ::openat(directory_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  DIR* entries = fd < 0 ? nullptr : ::fdopendir(fd);
  if (entries == nullptr) {
    if (fd >= 0) (void)::close(fd);
    return files;
  }
  while (const dirent* entry = ::readdir(entries)) {
    RotatedFile file = parse(entry->d_name, name_);
    struct stat status{};
    if (file.number == 0 || ::fstatat(directory_, entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (!S_ISREG(status.st_mode)) continue;
    file.size = static_cast<std::uint64_t>(status.st_size);
    file.inode = status.st_ino;
    files.push_back(file);
  }
  (void)::closedir(entries);
  std::ranges::sort(files, {}, &RotatedFile::number);
  return files;
}

bool RotatedFiles::is_current(int fd) const {
  struct stat ours{};
  struct stat named{};
  return ::fstat(fd, &ours) == 0 && ::fstatat(directory_, name_.c_str(), &named, AT_SYMLINK_NOFOLLOW) == 0 &&
         ours.st_dev == named.st_dev && ours.st_ino == named.st_ino;
}

Result<kernel::Fd> RotatedFiles::open_current(std::uint32_t mode) const {
  kernel::Fd fd(::openat(directory_, name_.c_str(),
                         O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK, mode));
  if (!fd) return cant("open", name_);
  return fd;
}

Result<void> RotatedFiles::shift() const {
  std::vector<RotatedFile> files = list();
  std::ranges::reverse(files);
  for (RotatedFile file : files) {
    const std::string from = name_of(file);
    ++file.number;
    if (::renameat(directory_, from.c_str(), directory_, name_of(file).c_str()) != 0) return cant("rename", from);
  }
  if (::renameat(directory_, name_.c_str(), directory_, (name_ + ".1").c_str()) != 0) return cant("rename", name_);
  return {};
}

Result<kernel::Fd> RotatedFiles::rotate(int current) {
  const std::lock_guard lock(names_);
  // Other processes that rotate this file look for the same lock. It must not last: the descriptor may be a copy of one
  // that others keep.
  if (::flock(current, LOCK_EX | LOCK_NB) != 0) return cant("lock", name_);
  const auto unlock = [](const int* fd) { (void)::flock(*fd, LOCK_UN); };
  const std::unique_ptr<const int, decltype(unlock)> locked(&current, unlock);
  struct stat old{};
  if (::fstat(current, &old) != 0) return cant("look at", name_);
  const std::uint32_t mode = old.st_mode & kNoType;
  if (!is_current(current)) return open_current(mode);
  if (auto shifted = shift(); !shifted) return std::unexpected(shifted.error());
  auto fresh = open_current(mode);
  if (!fresh) {
    (void)::renameat(directory_, (name_ + ".1").c_str(), directory_, name_.c_str());
    return fresh;
  }
  (void)!::fchown(fresh->get(), old.st_uid, old.st_gid);
  (void)::fchmod(fresh->get(), mode);  // whatever the umask is
  prune();
  return fresh;
}

void RotatedFiles::prune() const {
  std::uint64_t total = 0;
  for (const RotatedFile& file : list()) {
    total += file.size;
    const bool too_many = file.number > rotation_.keep;
    const bool too_much = rotation_.total != 0 && total > rotation_.total;
    if (too_many || too_much) (void)::unlinkat(directory_, name_of(file).c_str(), 0);
  }
}

bool RotatedFiles::replace(std::uint64_t inode, std::string_view suffix, const std::string& temporary) {
  const std::lock_guard lock(names_);
  for (RotatedFile file : list()) {
    if (file.inode != inode) continue;
    const std::string before = name_of(file);
    file.suffix = suffix;
    if (::renameat(directory_, temporary.c_str(), directory_, name_of(file).c_str()) != 0) break;
    (void)::unlinkat(directory_, before.c_str(), 0);
    prune();
    return true;
  }
  (void)::unlinkat(directory_, temporary.c_str(), 0);
  return false;
}

}  // namespace cofferdam::logs
