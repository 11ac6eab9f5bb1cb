// One port, several instances: the TCP sockets that the instances of a run bind and listen on, each with SO_REUSEPORT,
// so that the kernel spreads connections over them, at random and with nobody in between. Which of them take part is
// decided here: an instance that is not ready yet, or is about to stop, gets none.
//
// A duplicate of each socket is kept, and with it its place among the others, until its instance leaves or nobody in
// it has the socket any more. All instances belong to one user, as the kernel demands (socket(7)).
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "supervise/socket_users.hpp"

namespace cofferdam::supervise {

class SharedPorts {
 public:
  // The instances are told apart by name. `open`: its sockets get connections as soon as they listen. `processes`: all
  // that run in it, asked when one of its sockets seems to have been closed.
  void join(const std::string& instance, bool open, std::function<std::set<pid_t>()> processes);
  // Its sockets are given up.
  void leave(const std::string& instance);
  // Whether new connections go to it. A run all of whose instances are closed spreads over all of them.
  void set_open(const std::string& instance, bool open);

  // Each socket costs a descriptor here: an instance with so many keeps further ports to itself.
  static constexpr std::size_t kMostSockets = 256;
  [[nodiscard]] bool is_full(const std::string& instance) const;

  // bind(2) of a TCP socket to a port other than 0. 0, or the errno that the app gets: EADDRINUSE also for what
  // somebody outside has bound, and for a second socket of the same instance unless the app itself has asked to share.
  [[nodiscard]] int bind(const std::string& instance, kernel::Fd socket, std::uint64_t inode,
                         std::span<const std::byte> address, const SocketUser& user);
  // listen(2) on a socket that was bound here; nothing for another, whose call may run.
  [[nodiscard]] std::optional<int> listen(std::uint64_t inode, int backlog);

  // Where the instance listens, as getsockname(2) says it; the first socket first.
  [[nodiscard]] std::vector<sockaddr_storage> listening(const std::string& instance) const;
  // Connections that wait for the instance to accept them.
  [[nodiscard]] std::size_t waiting(const std::string& instance) const;
  // What comes from this TCP port goes to the instance, open or not, until the steering ends: for probes, one for an
  // instance.
  void steer(std::uint16_t source_port, const std::string& instance);
  void stop_steering(const std::string& instance);

  // Gives up sockets that the apps have closed. Call it every kLook.
  void look();
  static constexpr std::chrono::milliseconds kLook{1000};
  [[nodiscard]] bool empty() const { return members_.empty(); }

 private:
  struct Place {  // what the kernel keeps apart
    sockaddr_storage address{};
    bool ipv6_only = false;
    [[nodiscard]] bool operator==(const Place& other) const;
  };
  struct Member {
    std::string instance;
    std::uint64_t inode = 0;
    kernel::Fd socket;
    Place place;
    SocketUser user;
    bool shares = false;  // by the app's own wish
    bool listens = false;
  };
  struct Instance {
    bool open = true;
    std::optional<std::uint16_t> steered;
    std::function<std::set<pid_t>()> processes;
  };

  [[nodiscard]] bool taken_within(const std::string& instance, const Place& place, bool shares) const;
  void drop(std::uint64_t inode);
  void balance(const Place& place);
  void balance_all();

  std::map<std::string, Instance> instances_;
  std::vector<Member> members_;  // those that listen: each group in the order that the kernel has it in
};

}  // namespace cofferdam::supervise
