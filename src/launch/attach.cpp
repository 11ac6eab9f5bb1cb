#include "launch/attach.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "kernel/mount.hpp"
#include "launch/child.hpp"

namespace cofferdam::launch {

namespace {

int make_directories(const char* path) noexcept {
  Path partial{};
  const std::size_t length = strnlen(path, partial.size());
  if (length == partial.size()) return ENAMETOOLONG;
  for (std::size_t i = 1; i <= length; ++i) {
    if (path[i] != '/' && path[i] != '\0') continue;
    std::memcpy(partial.data(), path, i);
    partial[i] = '\0';
    if (mkdir(partial.data(), 0755) != 0 && errno != EEXIST && errno != EROFS) return errno;
  }
  return 0;
}

}  // namespace

const char* join(Path& into, const char* a, const char* b) noexcept {
  std::snprintf(into.data(), into.size(), "%s/%s", a, b);
  return into.data();
}

int make_mount_point(const char* path, bool directory) noexcept {
  struct stat status{};
  if (stat(path, &status) == 0) return S_ISDIR(status.st_mode) == directory ? 0 : ENOTDIR;
  if (directory) return make_directories(path);
  Path parent{};
  std::snprintf(parent.data(), parent.size(), "%s", path);
  char* slash = std::strrchr(parent.data(), '/');
  if (slash != nullptr && slash != parent.data()) {
    *slash = '\0';
    if (const int error = make_directories(parent.data()); error != 0) return error;
  }
  // Not by open(2): the pump, forked meanwhile with a copy of our descriptors, would keep the mount busy with a writer.
  return mknod(path, S_IFREG | 0644, 0) == 0 ? 0 : errno;
}

void attach(const Prepared& prepared, int tree, const char* path, bool directory, Step step, int index) noexcept {
  int error = make_mount_point(path, directory);
  if (error == 0) error = -kernel::attach_tree(tree, path);
  if (error != 0) give_up(prepared, step, error, index);
  close(tree);
}

}  // namespace cofferdam::launch
