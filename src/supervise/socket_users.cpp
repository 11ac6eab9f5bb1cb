#include "supervise/socket_users.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <memory>

#include "kernel/procfs.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kMostLinks = 4096;

using Directory = std::unique_ptr<DIR, int (*)(DIR*)>;

Directory open_directory(int at, const char* name) {
  const int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  return {fd >= 0 ? fdopendir(fd) : nullptr, closedir};
}

// Calls visit(inode, number) for every descriptor of the table, inode 0 for what is no socket, until it returns false.
template <class Visit>
void for_each_socket(const kernel::ThreadView& view, Visit&& visit) {
  const Directory table = open_directory(view.directory(), "fd");
  while (const dirent* entry = table ? readdir(table.get()) : nullptr) {
    const auto link = kernel::read_link_at(dirfd(table.get()), entry->d_name);
    if (!visit(link ? kernel::socket_inode(*link).value_or(0) : 0, std::atoi(entry->d_name))) return;
  }
}

}  // namespace

bool SocketUser::has(std::uint64_t inode) const {
  if (number < 0) return false;
  auto view = kernel::ThreadView::open(tid);
  // Its thread may have ended; the table is mostly the process's.
  if (!view && tgid != tid) view = kernel::ThreadView::open(tgid);
  const auto link = view ? view->descriptor_link(number) : fail("", ESRCH);
  return link && kernel::socket_inode(*link) == inode;
}

FoundUsers find_users(std::set<std::uint64_t> inodes, const std::set<pid_t>& known, bool everywhere) {
  FoundUsers found;
  std::size_t links = 0;
  const auto search = [&](pid_t pid) {
    const auto view = kernel::ThreadView::open(pid);
    if (!view || links >= kMostLinks) return;
    for_each_socket(*view, [&](std::uint64_t inode, int number) {
      if (inodes.erase(inode) > 0) found.users[inode] = {pid, pid, number};
      return ++links < kMostLinks && !inodes.empty();
    });
  };
  for (const pid_t pid : known) search(pid);
  const Directory processes = everywhere ? open_directory(AT_FDCWD, "/proc") : Directory(nullptr, closedir);
  while (const dirent* entry =
             processes && !inodes.empty() && links < kMostLinks ? readdir(processes.get()) : nullptr) {
    const auto pid = static_cast<pid_t>(std::atoi(entry->d_name));
    if (pid > 0 && pid != getpid() && !known.contains(pid)) search(pid);
  }
  found.complete = links < kMostLinks;
  return found;
}

}  // namespace cofferdam::supervise
