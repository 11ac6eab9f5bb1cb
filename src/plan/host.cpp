#include "plan/host.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.hpp"
#include "kernel/fd.hpp"
#include "kernel/landlock.hpp"
#include "kernel/process.hpp"

namespace cofferdam::plan {

namespace {

bool exists(const char* path) {
  return access(path, F_OK) == 0;
}

// The initial namespaces have fixed inode numbers (include/linux/proc_ns.h).
struct InitialNamespace {
  const char* link;
  const char* target;
};
constexpr InitialNamespace kInitial[] = {{"/proc/self/ns/pid", "pid:[4026531836]"},
                                         {"/proc/self/ns/uts", "uts:[4026531838]"},
                                         {"/proc/self/ns/ipc", "ipc:[4026531839]"}};

bool is_initial(const InitialNamespace& initial) {
  const auto target = kernel::read_link_at(-100 /* AT_FDCWD */, initial.link);
  return !target || *target == initial.target;
}

// A container has at least one of its own, even with --pid=host; a virtual machine made from an image carries Docker's
// mark and has none.
bool has_own_namespace() {
  return !std::ranges::all_of(kInitial, is_initial);
}

// Docker, Podman, Kubernetes, LXC and systemd-nspawn each leave one of these marks. The root of an image on
// overlayfs together with being PID 1 is what is left of a container without any.
bool inside_container(const std::map<std::string, std::string>& environment,
                      const std::vector<kernel::MountEntry>& mounts) {
  if (!has_own_namespace()) return false;
  if (exists("/.dockerenv") || exists("/run/.containerenv")) return true;
  if (environment.contains("container") || environment.contains("KUBERNETES_SERVICE_HOST")) return true;
  const bool overlay_root =
      std::ranges::any_of(mounts, [](const auto& m) { return m.mount_point == "/" && m.type == "overlay"; });
  return overlay_root && getpid() == 1;
}

}  // namespace

std::optional<UserEntry> find_user(const std::string& name_or_uid, const std::string& passwd_file) {
  const auto text = kernel::read_file(passwd_file, 4 << 20);
  if (!text) return std::nullopt;
  for (const std::string_view line : base::split(*text, '\n')) {
    const auto fields = base::split(line, ':');
    if (fields.size() < 7) continue;
    if (fields[0] != name_or_uid && fields[2] != name_or_uid) continue;
    UserEntry user;
    user.name = fields[0];
    user.uid = static_cast<uid_t>(std::strtoul(std::string(fields[2]).c_str(), nullptr, 10));
    user.gid = static_cast<gid_t>(std::strtoul(std::string(fields[3]).c_str(), nullptr, 10));
    user.home = fields[5];
    user.shell = fields[6];
    return user;
  }
  return std::nullopt;
}

std::vector<gid_t> groups_of(const UserEntry& user, const std::string& group_file) {
  std::vector<gid_t> groups = {user.gid};
  const auto text = kernel::read_file(group_file, 4 << 20);
  if (!text) return groups;
  for (const std::string_view line : base::split(*text, '\n')) {
    const auto fields = base::split(line, ':');
    if (fields.size() < 4) continue;
    const auto members = base::split(fields[3], ',');
    if (std::ranges::find(members, std::string_view(user.name)) == members.end()) continue;
    const auto gid = static_cast<gid_t>(std::strtoul(std::string(fields[2]).c_str(), nullptr, 10));
    if (std::ranges::find(groups, gid) == groups.end()) groups.push_back(gid);
  }
  return groups;
}

namespace {

bool has_capability(unsigned bit) {
  constexpr std::string_view kKey = "\nCapEff:";
  const auto status = kernel::read_file("/proc/self/status", 1 << 20);
  const std::size_t at = status ? status->find(kKey) : std::string::npos;
  if (at == std::string::npos) return false;
  constexpr int kHexadecimal = 16;
  return (std::strtoull(status->c_str() + at + kKey.size(), nullptr, kHexadecimal) >> bit & 1) != 0;
}

// When each tmpfs was made (statx(2): birth time, since Linux 5.19). The runtime makes /dev anew for each container.
void read_births(HostFacts& facts) {
  for (const auto& entry : facts.mounts) {
    if (entry.type != "tmpfs") continue;
    const auto identity = kernel::identify(-100 /* AT_FDCWD */, entry.mount_point.c_str());
    if (!identity || identity->mount_id != entry.id || identity->born == 0) continue;
    facts.made[entry.id] = identity->born;
    if (entry.mount_point == "/dev") facts.born = identity->born;
  }
}

}  // namespace

Result<HostFacts> read_host_facts(const std::map<std::string, std::string>& environment) {
  HostFacts facts;
  auto mounts = kernel::read_mountinfo();
  if (!mounts) return fail("can't read the mount table: " + mounts.error().message + " (is /proc mounted?)");
  facts.mounts = std::move(*mounts);
  facts.in_container = inside_container(environment, facts.mounts);
  facts.is_pid_1 = getpid() == 1;
  facts.uid = geteuid();
  facts.gid = getegid();
  facts.landlock_abi = kernel::landlock_abi();
  facts.steals_descriptors = kernel::can_steal_descriptors();
  constexpr unsigned kSysPtrace = 19;  // linux/capability.h
  facts.reads_other_users = has_capability(kSysPtrace);
  facts.memory = read_memory_facts(facts.mounts);
  if (facts.in_container) {
    facts.kubernetes = environment.contains("KUBERNETES_SERVICE_HOST");
    facts.shares_ipc = is_initial(kInitial[2]);
    read_births(facts);
  }
  const auto randomise = kernel::read_file("/proc/sys/kernel/randomize_va_space", 16);
  facts.address_space_randomised = !randomise || !randomise->starts_with("0");
  return facts;
}

}  // namespace cofferdam::plan
