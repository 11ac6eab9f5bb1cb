#include "kernel/landlock.hpp"

#include <linux/landlock.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

// Newer than the headers of Debian 12.
#ifndef LANDLOCK_ACCESS_FS_REFER
#define LANDLOCK_ACCESS_FS_REFER (1ULL << 13)
#endif
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

namespace cofferdam::kernel {

namespace {

// The kernel reads as many bytes as we pass and takes the rest for zero, so one layout serves every ABI.
struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};
// ABI 6, Linux 6.12: datagrams to abstract sockets outside, and signals to processes outside.
constexpr std::uint64_t kScopes = 1ULL << 0 | 1ULL << 1;

// ABI 4, Linux 6.7: connect(2) of TCP sockets.
constexpr std::uint64_t kConnectTcp = 1ULL << 1;

constexpr std::uint64_t kMakeDevice = LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_BLOCK;

std::uint64_t write_rights(int abi) noexcept {
  std::uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR |
                         LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_REG |
                         LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SYM |
                         kMakeDevice;
  // An unknown bit is EINVAL, so the mask follows the ABI.
  if (abi >= 2) rights |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
  return rights;
}

int add_rule(int ruleset, int fd, std::uint64_t rights) noexcept {
  landlock_path_beneath_attr rule{};
  rule.allowed_access = rights;
  rule.parent_fd = fd;
  return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0 ? 0 : -errno;
}

}  // namespace

int landlock_abi() noexcept {
  const long abi = syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return abi > 0 ? static_cast<int>(abi) : 0;
}

int make_landlock_ruleset(int abi, bool connects) noexcept {
  RulesetAttributes attributes{};
  attributes.handled_access_fs = write_rights(abi);
  if (abi >= 6) attributes.scoped = kScopes;
  if (abi >= 4 && !connects) attributes.handled_access_net = kConnectTcp;
  const std::size_t size = abi >= 6   ? sizeof attributes
                           : abi >= 4 ? offsetof(RulesetAttributes, scoped)
                                      : sizeof attributes.handled_access_fs;
  const long fd = syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
  return fd < 0 ? -errno : static_cast<int>(fd);
}

int allow_writes_beneath(int ruleset, int fd, int abi) noexcept {
  return add_rule(ruleset, fd, write_rights(abi) & ~kMakeDevice);
}

int allow_writing_file(int ruleset, int fd, int abi) noexcept {
  std::uint64_t rights = LANDLOCK_ACCESS_FS_WRITE_FILE;
  if (abi >= 3) rights |= LANDLOCK_ACCESS_FS_TRUNCATE;
  return add_rule(ruleset, fd, rights);
}

int enter_landlock(int ruleset) noexcept {
  return syscall(SYS_landlock_restrict_self, ruleset, 0) == 0 ? 0 : -errno;
}

}  // namespace cofferdam::kernel
