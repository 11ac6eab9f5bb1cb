// The socket broker's duplicates (container mode): sockets that were made for the instance, each kept until it is
// connected or listens, or nobody has it any more. A duplicate keeps a port bound and a peer waiting, so none is kept
// longer than that.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <unordered_map>

#include "kernel/fd.hpp"
#include "supervise/socket_users.hpp"

namespace cofferdam::supervise {

class HeldSockets {
 public:
  HeldSockets();

  // A socket that has just been made for this thread. Where too many are held, those that nobody has go, else the
  // oldest, so that one program's idle sockets don't cut off another's.
  void keep(std::uint64_t inode, kernel::Fd socket, const SocketUser& maker);
  // A copy to connect; empty when the socket was not made here, or is connected or listens by now.
  [[nodiscard]] kernel::Fd copy(std::uint64_t inode, const SocketUser& user);
  void release(std::uint64_t inode);
  // It is connected: released, and remembered for connect() calls to come. `told`: by the call that connected it.
  void release_connected(std::uint64_t inode, bool told);
  // What connect() says on a socket that is connected: 0 once where no call has told so yet, then EISCONN. None for
  // a socket that is not remembered.
  [[nodiscard]] std::optional<int> connected_answer(std::uint64_t inode);

  // Somebody may wait for its end: it has a port of its own now, or its caller was killed while it connected.
  void watch_closely(std::uint64_t inode);
  // Drops those of them that nobody has: before another socket is bound.
  void free_ports();
  // Drops what nobody has, when it is time to look.
  void on_tick();
  // -1 ms: never.
  [[nodiscard]] std::chrono::milliseconds next_look() const;
  [[nodiscard]] std::size_t size() const { return held_.size(); }

 private:
  using Clock = std::chrono::steady_clock;
  struct Held {
    kernel::Fd socket;
    SocketUser user;
    bool closely = false;
    bool passes = false;  // a stream: worth looking for in other processes
    Clock::time_point made;
    Clock::time_point looked;
  };

  template <class Predicate>
  void drop_unused(Predicate is_due);
  void find_users(std::set<std::uint64_t>& lost);

  std::size_t most_ = 0;
  std::unordered_map<std::uint64_t, Held> held_;       // by socket inode
  std::unordered_map<std::uint64_t, bool> connected_;  // by socket inode: whether the app has been told
  std::deque<std::uint64_t> connected_order_;
  Clock::time_point swept_;
};

}  // namespace cofferdam::supervise
