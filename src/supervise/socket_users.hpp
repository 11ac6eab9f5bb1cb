// Who has a socket of which the supervisor keeps a duplicate.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>

namespace cofferdam::supervise {

// Who has a socket, and under which number of its table.
struct SocketUser {
  pid_t tid = 0;
  pid_t tgid = 0;
  int number = -1;  // unknown until its first use

  // Whether that number is still this socket.
  [[nodiscard]] bool has(std::uint64_t inode) const;
};

struct FoundUsers {
  std::map<std::uint64_t, SocketUser> users;  // by socket inode
  bool complete = true;                       // who is not in it has no user; else there was more to read
};

// Looks for sockets, by inode, in the tables of `known` first, then, with `everywhere`, in those of all processes but
// this one. Reads at most 4,096 descriptors, some 6 ms.
[[nodiscard]] FoundUsers find_users(std::set<std::uint64_t> inodes, const std::set<pid_t>& known, bool everywhere);

}  // namespace cofferdam::supervise
