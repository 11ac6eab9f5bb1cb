#include "supervise/places.hpp"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace cofferdam::supervise {

namespace {

// Links of a process file system (/proc/*/fd, /proc/*/cwd, /proc/*/exe) would lead out of the caller's view: refused
// here, resolved by enter_process.
constexpr std::uint64_t kResolve = kernel::kNoMagicLinks;

struct Entrance {
  kernel::Fd start;
  std::string rest;  // relative to start; "." when nothing is left
};

bool is_number(std::string_view text) {
  return !text.empty() && text.size() < 8 && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// "/proc/self/cwd/file" taken apart: what the link cwd, root or fd/N of a process of the instance leads to, and the
// rest of the path. Nothing for other paths. `self` and `thread-self` are the caller: for the supervisor they would be
// itself.
std::optional<Entrance> enter_process(const InstanceView& instance, const kernel::ThreadView& thread,
                                      const std::string& path) {
  std::string_view left = path;
  if (!left.starts_with("/proc/")) return std::nullopt;
  const auto take = [&left] {
    left.remove_prefix(std::min(left.find_first_not_of('/'), left.size()));
    const std::string_view word = left.substr(0, left.find('/'));
    left.remove_prefix(word.size());
    return word;
  };
  (void)take();
  std::string_view who = take();
  std::string_view link = take();
  if (link == "task" && is_number(take())) link = take();
  std::string name(link);
  if (link == "fd") {
    const std::string_view number = take();
    if (!is_number(number)) return std::nullopt;
    name += "/" + std::string(number);
  } else if (link != "cwd" && link != "root") {
    return std::nullopt;
  }
  kernel::Fd process;
  int directory = thread.directory();
  if (is_number(who)) {
    // The number is of the instance's own list of processes.
    const std::string place = "/proc/" + std::string(who);
    process = instance.root >= 0 ? kernel::open_resolved(instance.root, place.c_str(), O_PATH | O_DIRECTORY,
                                                         kResolve | kernel::kInRoot)
                                 : kernel::open_resolved(AT_FDCWD, place.c_str(), O_PATH | O_DIRECTORY, kResolve);
    directory = process.get();
  } else if (who != "self" && who != "thread-self") {
    return std::nullopt;
  }
  if (directory < 0) return std::nullopt;
  Entrance entrance{kernel::Fd(openat(directory, name.c_str(), O_PATH | O_CLOEXEC)), std::string(left)};
  if (!entrance.start) return std::nullopt;
  entrance.rest.erase(0, std::min(entrance.rest.find_first_not_of('/'), entrance.rest.size()));
  if (entrance.rest.empty()) entrance.rest = ".";
  return entrance;
}

// Where resolution starts. RESOLVE_IN_ROOT makes `start` the root of every absolute symlink on the way, which is
// wrong for a relative path: those resolve from the caller's directory below its root.
kernel::Fd open_below(const InstanceView& instance, const kernel::Fd& start, const std::string& path,
                      std::uint64_t flags) {
  if (instance.root < 0) return kernel::open_resolved(start.get(), path.c_str(), flags, kResolve);
  // Below the directory it stands; where a link or a `..` leads out of it, start again from the root by its full path.
  kernel::Fd found = kernel::open_resolved(start.get(), path.c_str(), flags, kResolve | kernel::kBeneath);
  if (found || errno != EXDEV) return found;
  const std::string absolute = path_of(start.get()) + "/" + path;
  return kernel::open_resolved(instance.root, absolute.c_str(), flags, kResolve | kernel::kInRoot);
}

kernel::Fd open_from(const InstanceView& instance, const kernel::ThreadView& thread, int dirfd, const std::string& path,
                     std::uint64_t flags) {
  if (!path.starts_with('/')) {
    const kernel::Fd start = dirfd == AT_FDCWD ? thread.pin_working_directory() : thread.pin_descriptor(dirfd);
    return start ? open_below(instance, start, path, flags) : kernel::Fd();
  }
  auto entrance = enter_process(instance, thread, path);
  const bool link_itself = entrance && entrance->rest == "." && !path.ends_with('/') && (flags & O_NOFOLLOW) != 0;
  if (entrance && !link_itself) {
    if (entrance->rest == "." && (flags & O_DIRECTORY) == 0) return std::move(entrance->start);
    return open_below(instance, entrance->start, entrance->rest, flags);
  }
  if (instance.root >= 0) return kernel::open_resolved(instance.root, path.c_str(), flags, kResolve | kernel::kInRoot);
  return kernel::open_resolved(AT_FDCWD, path.c_str(), flags, kResolve);
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

bool passes_another_process(const std::string& path, const kernel::ThreadStatus& status) {
  if (!is_process_path(path)) return false;
  const std::string who = path.substr(6, path.find('/', 6) - 6);
  return is_number(who) && who != std::to_string(status.inner_pid);
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
