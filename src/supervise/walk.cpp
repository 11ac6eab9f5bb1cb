#include "supervise/walk.hpp"

#include <dirent.h>
#include <fcntl.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "kernel/fd.hpp"

namespace cofferdam::supervise {

namespace {

// Time is what limits it: some ten seconds.
constexpr std::size_t kMostEntries = 10'000'000;
constexpr int kDeepest = 512;

class Walk {
 public:
  Walk(const LayerVisitor& visit, const ProblemSink& problem) : visit_(visit), problem_(problem) {}

  void descend(const kernel::Fd& directory, int lower, int depth) {
    // Small, and on the stack: there may be one for each level.
    alignas(dirent64) std::array<char, 4096> buffer{};
    for (;;) {
      const ssize_t got = getdents64(directory.get(), buffer.data(), buffer.size());
      if (got < 0) problem_(path_, std::strerror(errno));
      if (got <= 0) return;
      for (ssize_t at = 0; at < got;) {
        const auto* entry = reinterpret_cast<const dirent64*>(buffer.data() + at);
        at += entry->d_reclen;
        if (!is_itself(entry->d_name) && !look_at(directory.get(), entry->d_name, lower, depth)) return;
      }
    }
  }

 private:
  static bool is_itself(const char* name) { return std::strcmp(name, ".") == 0 || std::strcmp(name, "..") == 0; }

  // False when the walk is over.
  bool look_at(int directory, const char* name, int lower, int depth) {
    if (++seen_ > kMostEntries) {
      if (seen_ == kMostEntries + 1) problem_("", "more than 10,000,000 entries: the rest was not looked at");
      return false;
    }
    struct stat status{};
    if (fstatat(directory, name, &status, AT_SYMLINK_NOFOLLOW) != 0) return true;
    const std::size_t before = path_.size();
    if (before != 0) path_ += '/';
    path_ += name;
    const bool enter = visit_({directory, name, path_, status, lower}) && S_ISDIR(status.st_mode);
    if (enter) go_into(directory, name, lower, depth);
    path_.resize(before);
    return seen_ <= kMostEntries;
  }

  void go_into(int directory, const char* name, int lower, int depth) {
    if (depth >= kDeepest) return problem_(path_, "too deep, what is below it was not looked at");
    const kernel::Fd child = kernel::open_resolved(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                                   kernel::kNoMountCrossing | kernel::kNoSymlinks | kernel::kBeneath);
    if (!child) {
      if (errno != EXDEV) problem_(path_, std::strerror(errno));
      return;
    }
    kernel::Fd beside;
    if (lower >= 0) {
      beside =
          kernel::open_resolved(lower, name, O_PATH | O_DIRECTORY | O_NOFOLLOW, kernel::kNoSymlinks | kernel::kBeneath);
    }
    descend(child, beside.get(), depth + 1);
  }

  const LayerVisitor& visit_;
  const ProblemSink& problem_;
  std::string path_;
  std::size_t seen_ = 0;
};

}  // namespace

const char* type_name(mode_t mode) {
  if (S_ISREG(mode)) return "file";
  if (S_ISDIR(mode)) return "directory";
  if (S_ISLNK(mode)) return "symlink";
  if (S_ISFIFO(mode)) return "fifo";
  if (S_ISSOCK(mode)) return "socket";
  return "device";
}

void walk_layer(int directory, int lower, const LayerVisitor& visit, const ProblemSink& problem) {
  // A descriptor of its own: reading a directory moves the position of its descriptor.
  const kernel::Fd own =
      kernel::open_resolved(directory, ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, kernel::kNoSymlinks);
  if (!own) return problem("", std::strerror(errno));
  Walk(visit, problem).descend(own, lower, 0);
}

}  // namespace cofferdam::supervise
