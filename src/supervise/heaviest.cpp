#include "supervise/heaviest.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <string_view>

#include "kernel/fd.hpp"

namespace cofferdam::supervise {

namespace {

constexpr int kDeepest = 64;
constexpr std::uint64_t kBlock = 512;  // of st_blocks (stat(2))

struct Load {
  std::uint64_t bytes = 0;
  std::uint64_t inodes = 0;
};
using Loads = std::map<std::string, Load>;

// The first `components` components of a relative path.
std::string_view head(std::string_view path, int components) {
  std::size_t at = 0;
  while (components-- > 0) {
    at = path.find('/', at);
    if (at == std::string_view::npos) return path;
    if (components > 0) ++at;
  }
  return path.substr(0, at);
}

struct Directory {
  std::string path;
  int depth = 0;
};

Loads add_up(int base, std::size_t most_entries, bool& complete) {
  Loads loads;
  struct stat root{};
  if (fstat(base, &root) != 0) return loads;
  std::deque<Directory> open = {{".", 0}};
  std::size_t seen = 0;
  // Level by level: what a part of the tree shows is then spread over all of its branches.
  for (; !open.empty() && complete; open.pop_front()) {
    const Directory& directory = open.front();
    kernel::Fd fd = kernel::open_resolved(base, directory.path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW,
                                          kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMountCrossing);
    if (!fd) continue;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(fdopendir(fd.release()), closedir);
    while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
      const std::string_view name = entry->d_name;
      if (name == "." || name == "..") continue;
      if (++seen > most_entries) {
        complete = false;
        break;
      }
      struct stat status{};
      if (fstatat(dirfd(stream.get()), entry->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
      if (status.st_dev != root.st_dev) continue;
      std::string path = directory.depth == 0 ? std::string(name) : directory.path + "/" + entry->d_name;
      for (const int components : {1, 2}) {
        if (components == 2 && directory.depth == 0) continue;
        Load& load = loads[std::string(head(path, components))];
        load.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
        ++load.inodes;
      }
      if (S_ISDIR(status.st_mode) && directory.depth < kDeepest) open.push_back({std::move(path), directory.depth + 1});
    }
  }
  return loads;
}

}  // namespace

Heaviest find_heaviest(int directory, bool by_inodes, std::size_t most_entries) {
  Heaviest found;
  const Loads loads = add_up(directory, most_entries, found.complete);
  const auto weight = [&](const Load& load) { return by_inodes ? load.inodes : load.bytes; };
  const auto take_heaviest = [&](std::string_view below, std::uint64_t at_least) {
    const Loads::value_type* best = nullptr;
    for (const auto& entry : loads) {
      const bool nested = entry.first.find('/') != std::string::npos;
      if (below.empty() ? nested : head(entry.first, 1) != below || !nested) continue;
      if (weight(entry.second) >= at_least && (best == nullptr || weight(entry.second) > weight(best->second)))
        best = &entry;
    }
    if (best == nullptr) return;
    found.path = best->first;
    found.bytes = best->second.bytes;
    found.inodes = best->second.inodes;
  };
  std::uint64_t all = 0;
  for (const auto& [path, load] : loads) all += path.find('/') == std::string::npos ? weight(load) : 0;
  take_heaviest({}, std::max<std::uint64_t>(all / 4, 1));
  if (!found.path.empty()) {
    const std::string top = found.path;
    take_heaviest(top, std::max<std::uint64_t>((by_inodes ? found.inodes : found.bytes) / 4 * 3, 1));
  }
  return found;
}

}  // namespace cofferdam::supervise
