// Sizes: what the policy wishes, what a container really gives, what memory there is for it; and how to say more.
#include <sys/statvfs.h>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "plan/storage.hpp"

namespace cofferdam::plan {

namespace {

struct Suffixes {
  const char* kibi;
  const char* mebi;
  const char* gibi;
};
constexpr Suffixes kPolicy = {"KiB", "MiB", "GiB"};
constexpr Suffixes kDocker = {"k", "m", "g"};
constexpr Suffixes kKubernetes = {"Ki", "Mi", "Gi"};

// Exact, in the largest unit that is; a size of less than 1 KiB does not occur.
std::string size_text(std::uint64_t bytes, const Suffixes& suffixes) {
  if (bytes % (1ULL << 30) == 0) return std::to_string(bytes >> 30) + suffixes.gibi;
  if (bytes % (1ULL << 20) == 0) return std::to_string(bytes >> 20) + suffixes.mebi;
  return std::to_string((bytes + 1023) >> 10) + suffixes.kibi;
}

// A name that Kubernetes takes for a volume (RFC 1123 label).
std::string volume_label(const std::string& path) {
  std::string label;
  for (const char c : path.substr(path.rfind('/') + 1)) {
    const char lower = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    const bool legal = (lower >= 'a' && lower <= 'z') || (lower >= '0' && lower <= '9');
    if (legal || (!label.empty() && label.back() != '-')) label += legal ? lower : '-';
  }
  if (label.size() > 63) label.resize(63);
  while (label.ends_with('-')) label.pop_back();
  return label.empty() ? "data" : label;
}

std::string type_of(const PlannedMount& mount) {
  return mount.type == MountType::overlay ? "overlay" : "tmpfs";
}

void add_to(std::string& list, const std::string& path) {
  list += (list.empty() ? "" : ", ") + path;
}

struct Lists {
  std::string unlimited;
  std::uint64_t unlimited_size = 0;
  std::string no_exec;
  std::string example;  // the first of no_exec
  std::string of_the_pod;
};

void compare_container_mount(const PlannedMount& mount, const kernel::MountEntry& entry, Plan& plan, Lists& lists) {
  struct statvfs real{};
  if (statvfs(mount.path.c_str(), &real) != 0) return;
  const std::uint64_t size = static_cast<std::uint64_t>(real.f_blocks) * real.f_frsize;
  const std::string where = base::printable(mount.path);
  if (mount.size != 0 && size != 0 && size < mount.size) {
    plan.notices.push_back(where + " has " + base::human_bytes(size) + " here, less than the " +
                           base::human_bytes(mount.size) +
                           " of the policy: " + how_to_enlarge(mount, true, mount.size, 0));
  }
  if (mount.inodes != 0 && real.f_files != 0 && real.f_files < mount.inodes) {
    plan.notices.push_back(where + " has " + base::grouped(real.f_files) + " inodes here, less than the " +
                           base::grouped(mount.inodes) +
                           " of the policy: " + how_to_enlarge(mount, true, 0, mount.inodes));
  }
  if (!entry.sized && mount.path != "/dev/shm") {
    add_to(lists.unlimited, where);
    lists.unlimited_size = size;
  } else if (size > plan.host.memory.available() && plan.host.memory.available() != 0) {
    plan.notices.push_back(
        where + " may grow to " + base::human_bytes(size) + ", more than the " +
        base::human_bytes(plan.host.memory.available()) +
        " of memory that there is: the instance is killed for its memory before the app gets ENOSPC");
  }
  // Docker's /dev/shm is noexec whatever is asked.
  if (entry.no_exec && mount.exec && mount.path != "/dev/shm") {
    if (lists.no_exec.empty()) lists.example = mount.mount_point;
    add_to(lists.no_exec, where);
  }
  if (plan.host.kubernetes && mount.path != "/dev/shm") add_to(lists.of_the_pod, where);
}

void say_lists(const Lists& lists, Plan& plan) {
  if (!lists.unlimited.empty()) {
    const MemoryFacts& memory = plan.host.memory;
    std::string text = lists.unlimited + ": no size was given, so it is half of the machine's memory";
    if (lists.unlimited_size != 0) text += " (" + base::human_bytes(lists.unlimited_size) + ")";
    if (memory.limit != 0 && (lists.unlimited_size == 0 || memory.limit < lists.unlimited_size)) {
      text += "; at the container's memory limit of " + base::human_bytes(memory.limit) +
              " the instance is killed before the app gets ENOSPC";
    }
    const std::string first = lists.unlimited.substr(0, lists.unlimited.find(','));
    plan.notices.push_back(text + "; give one: --tmpfs " + first + ":size=64m (Kubernetes: sizeLimit: 64Mi)");
  }
  if (!lists.no_exec.empty()) {
    plan.notices.push_back(lists.no_exec + ": noexec, as docker's --tmpfs is unless told otherwise; an app that runs " +
                           "programs from there needs --tmpfs " + lists.example + ":exec");
  }
  if (!lists.of_the_pod.empty()) {
    plan.notices.push_back(lists.of_the_pod +
                           ": in Kubernetes a memory emptyDir lives as long as the pod: it survives a restart of the " +
                           "container, and the containers of the pod that mount it share it");
  }
}

}  // namespace

std::string how_to_give(const std::string& path, std::uint64_t size) {
  const std::string docker = path + (size != 0 ? ":size=" + size_text(size, kDocker) : "");
  const std::string label = volume_label(path);
  const std::string limit = size != 0 ? ", sizeLimit: " + size_text(size, kKubernetes) : "";
  return "  docker run: --tmpfs " + docker + "\n  compose:    tmpfs: [\"" + docker +
         "\"]\n  Kubernetes: volumes: [{name: " + label + ", emptyDir: {medium: Memory" + limit +
         "}}] and volumeMounts: [{name: " + label + ", mountPath: " + path + "}]";
}

std::string how_to_enlarge(const PlannedMount& mount, bool container, std::uint64_t size, std::uint64_t inodes) {
  const std::string place = base::printable(container && !mount.mount_point.empty() ? mount.mount_point : mount.path);
  if (container) {
    if (inodes != 0) {
      const std::string option = place + ":nr_inodes=" + std::to_string(inodes);
      return "start it with docker run --tmpfs " + option + " (compose: tmpfs: [\"" + option + "\"])";
    }
    const std::string docker = size_text(size, kDocker);
    if (place == "/dev/shm") {
      return "start it with docker run --shm-size " + docker + " (compose: shm_size: " + docker +
             "; Kubernetes: an emptyDir {medium: Memory, sizeLimit: " + size_text(size, kKubernetes) + "} at /dev/shm)";
    }
    return "start it with docker run --tmpfs " + place + ":size=" + docker + " (compose: tmpfs: [\"" + place +
           ":size=" + docker +
           "\"]; Kubernetes: emptyDir: {medium: Memory, sizeLimit: " + size_text(size, kKubernetes) + "})";
  }
  const std::string wish = size != 0 ? "size: " + size_text(size, kPolicy) : "inodes: " + std::to_string(inodes);
  if (mount.policy.line == 0 || mount.policy.file.ends_with("(built in)")) {
    return "add {path: " + place + ", type: " + type_of(mount) + ", " + wish + "} to storage.mounts of your policy";
  }
  return "write " + wish + " in " + mount.policy.file + ":" + std::to_string(mount.policy.line);
}

void compare_sizes(Plan& plan) {
  Lists lists;
  for (const PlannedMount& mount : plan.mounts) {
    if (mount.type != MountType::overlay && mount.type != MountType::tmpfs) continue;
    if (plan.mode == Mode::container) {
      const auto entry = std::ranges::find(plan.host.mounts, mount.mount_id, &kernel::MountEntry::id);
      if (entry != plan.host.mounts.end()) compare_container_mount(mount, *entry, plan, lists);
      continue;
    }
    const std::uint64_t available = plan.host.memory.available();
    if (available == 0 || mount.size <= available) continue;
    plan.notices.push_back(
        "size: " + size_text(mount.size, kPolicy) + " of " + base::printable(mount.path) + " is more than the " +
        base::human_bytes(available) +
        (available == plan.host.memory.machine ? " that this machine has" : " that the memory limit here allows"));
  }
  say_lists(lists, plan);
}

}  // namespace cofferdam::plan
