#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>

#include "base/text.hpp"
#include "plan/storage.hpp"

namespace cofferdam::plan {

namespace {

bool is_mount(const HostFacts& host, const std::string& path) {
  return std::ranges::any_of(host.mounts, [&](const auto& entry) { return entry.mount_point == path; });
}

void describe(PlannedMount& mount, const struct stat& status) {
  mount.mode = status.st_mode & 07777;
  mount.uid = status.st_uid;
  mount.gid = status.st_gid;
  mount.directory = S_ISDIR(status.st_mode);
}

class Siblings {
 public:
  Siblings(const HostFacts& host, const std::vector<std::string>& rows, const PlannedMount& row)
      : host_(host), rows_(rows), row_(row), room_(row.size / 4) {}

  void split(PlannedMount& overlay) {
    overlay.mirror = true;
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(overlay.path.c_str()), closedir);
    while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
      const std::string name = entry->d_name;
      if (name != "." && name != "..") place(overlay, name);
    }
    std::ranges::sort(overlay.mirrored);
  }

  std::vector<PlannedMount> beneath;

 private:
  void place(PlannedMount& overlay, const std::string& name) {
    PlannedMount mount;
    mount.path = overlay.path + "/" + name;
    mount.type = MountType::read_only;
    mount.policy = row_.policy;
    struct stat status{};
    if (lstat(mount.path.c_str(), &status) != 0) return;  // a mount that is not for us
    describe(mount, status);
    const bool has_row = std::ranges::find(rows_, mount.path) != rows_.end();
    if (is_mount(host_, mount.path)) {
      if (!has_row) beneath.push_back(std::move(mount));
    } else if (S_ISDIR(status.st_mode)) {
      overlay.mirrored.push_back(name);
      if (has_row) return;
      mount.type = MountType::overlay;
      mount.size = row_.size;
      mount.watch = row_.watch;
      if (host_mount_beneath(host_, mount.path)) split(mount);
      beneath.push_back(std::move(mount));
    } else if (S_ISREG(status.st_mode)) {
      const auto size = static_cast<std::uint64_t>(status.st_size);
      if (access(mount.path.c_str(), R_OK) != 0 || size > room_) {
        if (!has_row) beneath.push_back(std::move(mount));
        return;
      }
      room_ -= size;
      overlay.mirrored.push_back(name);
    } else if (S_ISLNK(status.st_mode)) {
      overlay.mirrored.push_back(name);
    }
  }

  const HostFacts& host_;
  const std::vector<std::string>& rows_;
  const PlannedMount& row_;
  std::uint64_t room_;  // bytes that may still be copied
};

}  // namespace

std::optional<std::string> host_mount_beneath(const HostFacts& host, const std::string& directory) {
  for (const auto& entry : host.mounts) {
    if (entry.mount_point != directory && base::is_beneath(entry.mount_point, directory)) return entry.mount_point;
  }
  return std::nullopt;
}

std::vector<PlannedMount> overlay_siblings(const HostFacts& host, const std::vector<std::string>& rows,
                                           PlannedMount& overlay) {
  Siblings siblings(host, rows, overlay);
  siblings.split(overlay);
  return std::move(siblings.beneath);
}

}  // namespace cofferdam::plan
