#include "plan/devices.hpp"

#include <fnmatch.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "plan/storage.hpp"

namespace cofferdam::plan {

namespace {

constexpr std::size_t kMostNodes = 1024;  // of one directory that are looked at
constexpr unsigned kAny = ~0U;

// A row holds for character devices with this major and minors in the range, and for paths that match the pattern.
struct Row {
  unsigned major;
  unsigned first;
  unsigned last;
  std::string_view pattern;
  DeviceKind kind;
};

constexpr std::string_view kMemory = "whoever reads or writes it reads or writes every process of the machine";
constexpr std::string_view kDisk = "what is written there stays, around every mount";
constexpr std::string_view kUsers =
    "it is a terminal of the people at this machine; for terminals of the instance's own "
    "write access: {remote_login: allow}";
constexpr std::string_view kPackets = "packets of the app's own making reach databases past every rule";
constexpr std::string_view kTypes = "with it the app types into your own session, outside of the instance";
constexpr std::string_view kMachine = "it is for who administers the machine";
constexpr std::string_view kElsewhere = "another machine has another one, or none";
constexpr std::string_view kTyped = "it sees what is typed on this machine";
constexpr std::string_view kLine = "somebody at its other end may log in";

constexpr std::array kRows = std::to_array<Row>({
    {1, 1, 2, "", {"the machine's memory", kMemory, "", ""}},
    {1, 4, 4, "", {"the machine's ports", kMemory, "", ""}},
    {1, 6, 6, "", {"the machine's memory", kMemory, "", ""}},
    {1,
     11,
     12,
     "",
     {"the kernel's log", "what is written there outlives the instance, and it tells of others", "", ""}},
    {4, 0, 63, "", {"a console", kUsers, "", ""}},
    {4, 64, kAny, "/dev/ttyS*", {"a serial line", "", "access", kLine}},
    {5, 1, 3, "", {"a console", kUsers, "", ""}},
    {7, 0, kAny, "/dev/vcs*", {"a console's screen", kUsers, "", ""}},
    {9, 0, kAny, "", {"a tape", kDisk, "", ""}},
    {10, 144, 144, "", {"the machine's settings", kMachine, "", ""}},
    {10, 130, 130, "/dev/watchdog*", {"the watchdog", "it can restart the machine", "", ""}},
    {10, 196, 196, "/dev/vfio*", {"a device of the bus", kMachine, "", ""}},
    {10, 200, 200, "/dev/tap*", {"a tunnel", kPackets, "", ""}},
    {10, 223, 223, "", {"a keyboard of its own", kTypes, "", ""}},
    {10, 239, 240, "", {"a keyboard of its own", kTypes, "", ""}},
    {10, 229, 229, "", {"file systems of programs", "an instance mounts nothing, so it is of no use there", "", ""}},
    {10, 231, 231, "", {"the machine's memory", kMemory, "", ""}},
    {10, 232, 232, "/dev/kvm", {"virtual machines", "", "", "what runs inside them is not seen"}},
    {10, 234, 237, "", {"the control of disks", kMachine, "", ""}},
    {10, 238, 238, "", {"a tunnel", kPackets, "", ""}},
    {10, 241, 241, "", {"a tunnel", kPackets, "", ""}},
    {kAny,
     0,
     0,
     "/dev/userfaultfd",
     {"page faults", "a page that the app serves itself holds the launcher back", "", ""}},
    {kAny, 0, 0, "/dev/nvme*", {"a disk", kDisk, "", ""}},
    {kAny, 0, 0, "/dev/ng[0-9]*", {"a disk", kDisk, "", ""}},
    {kAny, 0, 0, "/dev/bsg/*", {"a disk", kDisk, "", ""}},
    {kAny, 0, 0, "/dev/ipmi*", {"the machine's board", kMachine, "", ""}},
    {13, 0, kAny, "/dev/hidraw*", {"keyboard and mouse", "", "access", kTyped}},
    {14, 0, kAny, "", {"sound", "", "", "it has microphone and loudspeaker"}},
    {21, 0, kAny, "", {"a disk", kDisk, "", ""}},
    {29, 0, kAny, "", {"the screen", "", "access", "it shows and changes what is on this machine's screen"}},
    {81, 0, kAny, "", {"a camera", "", "", kElsewhere}},
    {90, 0, kAny, "", {"flash memory", kDisk, "", ""}},
    {108, 0, kAny, "", {"a tunnel", kPackets, "", ""}},
    {116, 0, kAny, "", {"sound", "", "", "it has microphone and loudspeaker"}},
    {136, 0, kAny, "/dev/pts/*", {"a terminal", kUsers, "", ""}},
    {162, 0, kAny, "", {"a disk", kDisk, "", ""}},
    {166, 0, kAny, "/dev/ttyACM*", {"a serial line", "", "access", kLine}},
    {188, 0, kAny, "/dev/ttyUSB*", {"a serial line", "", "access", kLine}},
    {189, 0, kAny, "", {"USB", "", "storage", "disks and keyboards are among what is plugged in"}},
    {195, 0, kAny, "/dev/nvidia*", {"a graphics processor", "", "", kElsewhere}},
    {202, 0, kAny, "", {"the processor's registers", kMemory, "", ""}},
    {204, 0, kAny, "", {"a serial line", "", "access", kLine}},
    {226,
     0,
     127,
     "",
     {"a graphics card", "", "", "it draws on the screen while nobody else does; another machine has none"}},
    {226, 128, kAny, "/dev/kfd", {"a graphics processor", "", "", kElsewhere}},
});

constexpr DeviceKind kBlock = {"a disk", kDisk, "", ""};
constexpr DeviceKind kNoDevice = {"no device", "files and directories of the machine are rows of storage.mounts", "",
                                  ""};
constexpr DeviceKind kUnknown = {"hardware of this machine", "", "", "cofferdam does not know what it can do"};

// In /dev of every instance.
bool is_there_anyway(const std::string& path) {
  constexpr std::array<std::string_view, 6> kAlways = {"/dev/null",   "/dev/zero",    "/dev/full",
                                                       "/dev/random", "/dev/urandom", "/dev/tty"};
  return std::ranges::find(kAlways, path) != kAlways.end();
}

std::string place_of(const DeviceRule& rule) {
  return "devices: " + rule.path +
         (rule.origin.file.empty() ? "" : " (" + rule.origin.file + ":" + std::to_string(rule.origin.line) + ")");
}

// The nodes that come in with a row, the directory's own name apart.
std::vector<std::string> nodes_of(const std::string& path, const struct stat& status) {
  if (!S_ISDIR(status.st_mode)) return {path};
  std::vector<std::string> nodes;
  std::error_code error;
  for (auto at = std::filesystem::recursive_directory_iterator(path, error);
       !error && at != std::filesystem::recursive_directory_iterator() && nodes.size() < kMostNodes;
       at.increment(error)) {
    struct stat entry{};
    if (lstat(at->path().c_str(), &entry) == 0 && (S_ISCHR(entry.st_mode) || S_ISBLK(entry.st_mode)))
      nodes.push_back(at->path());
  }
  return nodes;
}

Result<void> add_device(const DeviceRule& rule, Plan& plan, std::vector<Opening>& openings) {
  struct stat status{};
  if (stat(rule.path.c_str(), &status) != 0) {
    const std::string missing = place_of(rule) + " can't be let in: " + std::strerror(errno);
    if (plan.mode == Mode::local) return fail(missing + "; load its driver, or take the row out", errno);
    return fail(missing + ". Give it to the container:\n  docker run --device " + rule.path +
                    " ...\n  compose: devices: [\"" + rule.path + ":" + rule.path +
                    "\"]\n  Kubernetes: resources.limits of the device's plugin",
                errno);
  }
  if (is_there_anyway(rule.path)) return {};
  std::vector<std::string_view> told;
  for (const std::string& node : nodes_of(canonical(rule.path), status)) {
    struct stat entry{};
    if (lstat(node.c_str(), &entry) != 0) continue;
    const DeviceKind& kind = device_kind(node, entry.st_mode, entry.st_rdev);
    const std::string what =
        node == rule.path ? "it is " + std::string(kind.what) : node + " is " + std::string(kind.what);
    if (!kind.refused.empty()) {
      return fail(place_of(rule) + " is refused: " + what + ", and " + std::string(kind.refused) +
                  ". Name the devices that the app needs, or run what needs it outside of cofferdam");
    }
    if (std::ranges::find(told, kind.what) != told.end()) continue;
    told.push_back(kind.what);
    openings.push_back({"the device " + rule.path + " (" + std::string(kind.what) + ")", kind.rules, kind.why});
  }
  plan.devices.push_back({rule.path, S_ISDIR(status.st_mode)});
  return {};
}

}  // namespace

const DeviceKind& device_kind(const std::string& path, mode_t mode, dev_t number) {
  if (S_ISBLK(mode)) return kBlock;
  if (!S_ISCHR(mode)) return kNoDevice;
  const auto* row = std::ranges::find_if(kRows, [&](const Row& each) {
    const bool numbered = each.major == major(number) && minor(number) >= each.first && minor(number) <= each.last;
    return numbered || (!each.pattern.empty() && fnmatch(std::string(each.pattern).c_str(), path.c_str(), 0) == 0);
  });
  return row == kRows.end() ? kUnknown : row->kind;
}

Result<std::vector<Opening>> plan_devices(const Policy& policy, Plan& plan) {
  if (policy.devices.size() > kMostDevices) {
    return fail("devices: the policy names " + std::to_string(policy.devices.size()) + "; at most " +
                std::to_string(kMostDevices) + " are possible. Name directories of them, such as /dev/dri");
  }
  std::vector<Opening> openings;
  for (const DeviceRule& rule : policy.devices) {
    if (auto added = add_device(rule, plan, openings); !added) return std::unexpected(added.error());
  }
  return openings;
}

}  // namespace cofferdam::plan
