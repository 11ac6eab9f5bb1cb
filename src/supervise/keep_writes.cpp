#include "supervise/keep_writes.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kMostProblems = 100;

const InstanceMount* mount_holding(const InstanceView& instance, const std::string& path) {
  const InstanceMount* nearest = nullptr;
  for (const InstanceMount& mount : instance.mounts) {
    if (mount.layer >= 0 && path.size() > mount.plan->path.size() && base::is_beneath(path, mount.plan->path) &&
        (nearest == nullptr || mount.plan->path.size() > nearest->plan->path.size())) {
      nearest = &mount;
    }
  }
  return nearest;
}

// By descriptor, one component at a time: a link in the target leads nowhere.
bool make_parents(int base_fd, const std::string& relative) {
  kernel::Fd parent;
  for (std::size_t from = 0, at = relative.find('/'); at != std::string::npos;
       from = at + 1, at = relative.find('/', from)) {
    const int directory = parent ? parent.get() : base_fd;
    const std::string name = relative.substr(from, at - from);
    if (mkdirat(directory, name.c_str(), 0700) != 0 && errno != EEXIST) return false;
    parent =
        kernel::open_resolved(directory, name.c_str(), O_PATH | O_DIRECTORY, kernel::kBeneath | kernel::kNoSymlinks);
    if (!parent) return false;
  }
  return true;
}

// Holes stay holes: a sparse file must not fill the disk.
bool copy_file(int from, int to, off_t size) {
  std::array<char, 65536> buffer{};
  for (off_t at = lseek(from, 0, SEEK_DATA); at >= 0; at = lseek(from, at, SEEK_DATA)) {
    const off_t end = lseek(from, at, SEEK_HOLE);
    if (end < 0 || lseek(to, at, SEEK_SET) < 0) return false;
    while (at < end) {
      const auto wanted = std::min<std::size_t>(buffer.size(), static_cast<std::size_t>(end - at));
      const ssize_t got = pread(from, buffer.data(), wanted, at);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) return false;
      if (!kernel::write_all(to, {buffer.data(), static_cast<std::size_t>(got)})) return false;
      at += got;
    }
  }
  return errno == ENXIO && ftruncate(to, size) == 0;
}

}  // namespace

bool keep_file(const InstanceView& instance, const std::string& path, int target) {
  const InstanceMount* mount = mount_holding(instance, path);
  if (mount == nullptr) return true;
  const std::string inside = path.substr(mount->plan->path.size() + 1);
  const kernel::Fd from = kernel::open_resolved(mount->layer, inside.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK,
                                                kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMountCrossing);
  const std::string relative = path.substr(1);
  struct stat status{};
  if (!from || fstat(from.get(), &status) != 0 || !make_parents(target, relative)) return false;
  const kernel::Fd to = kernel::open_resolved(target, relative.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_NONBLOCK,
                                              kernel::kBeneath | kernel::kNoSymlinks, status.st_mode & 0700);
  struct stat there{};
  if (!to || fstat(to.get(), &there) != 0) return false;
  // Somebody may have put another thing into the target, or a second name of a file elsewhere.
  if (!S_ISREG(there.st_mode) || there.st_nlink != 1) {
    errno = EEXIST;
    return false;
  }
  return ftruncate(to.get(), 0) == 0 && copy_file(from.get(), to.get(), status.st_size);
}

std::vector<std::string> keep_writes(const InstanceView& instance, const Baseline& baseline,
                                     const std::string& directory) {
  const kernel::Fd base(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!base) return {directory + ": " + std::strerror(errno)};
  std::vector<std::string> problems;
  std::uint64_t more = 0;
  const auto note = [&](const std::string& path, const std::string& why) {
    if (problems.size() < kMostProblems) {
      problems.push_back(base::printable(path) + ": " + why);
    } else {
      ++more;
    }
  };
  const auto unreadable = scan_storage(instance, baseline, [&](const ScannedChange& change) {
    if (change.change == Change::deleted || change.type != "file") return;
    if (!keep_file(instance, change.path, base.get())) note(change.path, std::strerror(errno));
  });
  for (const Unreadable& place : unreadable) note(place.path, place.why);
  if (more != 0) problems.push_back("and " + std::to_string(more) + " more");
  return problems;
}

}  // namespace cofferdam::supervise
