#include "plan/container_mounts.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/text.hpp"

namespace cofferdam::plan {

namespace {

constexpr std::int64_t kOlderBySeconds = 10;

constexpr std::array<std::string_view, 10> kPseudo = {"proc",   "sysfs",    "cgroup",     "cgroup2", "mqueue",
                                                      "devpts", "devtmpfs", "securityfs", "bpf",     "tracefs"};

// NAME of .../volumes/NAME/_data, where Docker and Podman keep their volumes; empty for any other directory.
std::string volume_name(const std::string& root) {
  constexpr std::string_view kBefore = "/volumes/";
  constexpr std::string_view kAfter = "/_data";
  const std::size_t begin = root.rfind(kBefore);
  if (begin == std::string::npos) return "";
  const std::size_t name = begin + kBefore.size();
  const std::size_t end = root.find(kAfter, name);
  return end == std::string::npos ? "" : root.substr(name, end - name);
}

bool is_hexadecimal(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

}  // namespace

bool is_pseudo(const kernel::MountEntry& entry) {
  return std::ranges::find(kPseudo, std::string_view(entry.type)) != kPseudo.end();
}

std::string why_not_own(const kernel::MountEntry& tmpfs, const HostFacts& host) {
  if (host.kubernetes) return "";
  if (tmpfs.mount_point == "/dev/shm" && host.shares_ipc) return "is the host's /dev/shm (--ipc host)";
  if (tmpfs.root != "/") {
    return "is " + base::printable(tmpfs.root) + " of a tmpfs outside of this container (a bind mount)";
  }
  if (tmpfs.from_outside) return "is a tmpfs that something outside of this container has mounted (a volume or a bind)";
  const auto made = host.made.find(tmpfs.id);
  if (host.born && made != host.made.end() && made->second + kOlderBySeconds < *host.born) {
    return "is a tmpfs that is older than this container: the host's or another container's";
  }
  return "";
}

bool is_anonymous_volume(const kernel::MountEntry& entry) {
  const std::string name = volume_name(entry.root);
  return name.size() == 64 && is_hexadecimal(name);
}

std::string name_disk(const kernel::MountEntry& entry) {
  const std::string type = " (" + entry.type + ")";
  if (is_anonymous_volume(entry)) return "an anonymous Docker volume" + type;
  if (const std::string name = volume_name(entry.root); !name.empty()) {
    return "the Docker volume " + base::printable(name) + type;
  }
  if (entry.root.find("/kubernetes.io~empty-dir/") != std::string::npos) return "an emptyDir on the node's disk" + type;
  if (entry.root.find("/kubernetes.io~") != std::string::npos) return "a volume of the pod" + type;
  if (entry.root != "/") return "a directory of the host, " + base::printable(entry.root) + type;
  return "a disk" + type;
}

}  // namespace cofferdam::plan
