#include "supervise/places.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>

namespace cofferdam::supervise {

namespace {

// Links that lead out of path resolution (/proc/*/fd, /proc/*/exe) would lead out of the caller's view: refused here,
// resolved by own_descriptor.
constexpr std::uint64_t kResolve = kernel::kNoMagicLinks;

// Where resolution starts. RESOLVE_IN_ROOT makes `start` the root of every absolute symlink on the way, which is
// wrong for a relative path: those resolve from the caller's directory below its root.
kernel::Fd open_from(const InstanceView& instance, const kernel::ThreadView& thread, int dirfd, const std::string& path,
                     std::uint64_t flags) {
  if (path.starts_with('/')) {
    if (instance.root >= 0)
      return kernel::open_resolved(instance.root, path.c_str(), flags, kResolve | kernel::kInRoot);
    return kernel::open_resolved(AT_FDCWD, path.c_str(), flags, kResolve);
  }
  kernel::Fd start = dirfd == AT_FDCWD ? thread.pin_working_directory() : thread.pin_descriptor(dirfd);
  if (!start) return {};
  if (instance.root < 0) return kernel::open_resolved(start.get(), path.c_str(), flags, kResolve);
  // Below the directory it stands; where a link or a `..` leads out of it, start again from the root by its full path.
  kernel::Fd found = kernel::open_resolved(start.get(), path.c_str(), flags, kResolve | kernel::kBeneath);
  if (found || errno != EXDEV) return found;
  const std::string absolute = path_of(start.get()) + "/" + path;
  return kernel::open_resolved(instance.root, absolute.c_str(), flags, kResolve | kernel::kInRoot);
}

}  // namespace

const InstanceMount* InstanceView::find(std::uint64_t mount_id) const {
  const auto mount = std::ranges::find(mounts, mount_id, &InstanceMount::mount_id);
  return mount == mounts.end() || mount_id == 0 ? nullptr : &*mount;
}

bool InstanceView::may_change(std::uint64_t mount_id) const {
  if (const InstanceMount* mount = find(mount_id)) return is_writable(mount->plan->type);
  return mount_id != 0 && std::ranges::find(foreign, mount_id) == foreign.end();
}

int InstanceView::refusal(std::uint64_t mount_id) const {
  // A read-only mount says so before Landlock is asked.
  const bool sealed = std::ranges::find(read_only, mount_id) != read_only.end();
  return container && landlock && !sealed ? EACCES : EROFS;
}

bool is_writable(MountType type) {
  return type == MountType::overlay || type == MountType::tmpfs || type == MountType::persistent;
}

std::string path_of(int fd) {
  std::array<char, 32> link{};
  std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
  auto target = kernel::read_link_at(AT_FDCWD, link.data());
  return target ? std::move(*target) : std::string();
}

Place find_place(const InstanceView& instance, const kernel::ThreadView& thread, int dirfd, const std::string& path) {
  Place place;
  std::string trimmed = path;
  while (trimmed.size() > 1 && trimmed.ends_with('/')) trimmed.pop_back();
  const std::size_t slash = trimmed.rfind('/');
  std::string parent = slash == std::string::npos ? "." : slash == 0 ? "/" : trimmed.substr(0, slash);
  place.name = slash == std::string::npos ? trimmed : trimmed.substr(slash + 1);
  if (place.name == ".." || place.name.empty()) {
    parent = trimmed.empty() ? "." : trimmed;
    place.name = ".";
  }
  place.parent = open_from(instance, thread, dirfd, parent, O_PATH | O_DIRECTORY);
  if (!place.parent) {
    place.error = errno;
    place.path = path;
    return place;
  }
  place.path = path_of(place.parent.get());
  if (place.name != ".") place.path += (place.path == "/" ? "" : "/") + place.name;
  if (auto identity = kernel::identify(place.parent.get(), "")) place.parent_identity = *identity;
  return place;
}

std::optional<int> own_descriptor(const std::string& path, const kernel::ThreadStatus& status) {
  if (path == "/dev/stdin") return 0;
  if (path == "/dev/stdout") return 1;
  if (path == "/dev/stderr") return 2;
  std::string rest;
  const std::string own = "/proc/" + std::to_string(status.inner_pid) + "/fd/";
  for (const std::string& prefix :
       {std::string("/proc/self/fd/"), std::string("/proc/thread-self/fd/"), std::string("/dev/fd/"), own}) {
    if (path.starts_with(prefix)) rest = path.substr(prefix.size());
  }
  if (rest.empty() || rest.size() > 7 || rest.find_first_not_of("0123456789") != std::string::npos) return std::nullopt;
  return std::atoi(rest.c_str());
}

bool is_process_path(const std::string& path) {
  return path.starts_with("/proc/");
}

kernel::Fd pin_object(const InstanceView& instance, const kernel::ThreadView& thread,
                      const kernel::ThreadStatus& status, int dirfd, const std::string& path, bool follow) {
  if (path.empty()) return thread.pin_descriptor(dirfd);  // AT_EMPTY_PATH
  if (const auto number = own_descriptor(path, status); number && follow) return thread.pin_descriptor(*number);
  return open_from(instance, thread, dirfd, path, O_PATH | (follow ? 0U : unsigned{O_NOFOLLOW}));
}

}  // namespace cofferdam::supervise
