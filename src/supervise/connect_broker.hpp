// Rule 2, the acting part: every connect of the instance is judged on a private copy of its address and then performed
// here, on the caller's own socket; the caller's call never runs. Where pidfd_getfd(2) works (local mode) the socket
// is taken from the caller for the moment; where it doesn't (Docker) the sockets were made here in the first place
// (the broker), and a duplicate of each was kept until it is connected.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "kernel/notify.hpp"
#include "supervise/egress.hpp"
#include "supervise/event_log.hpp"
#include "supervise/held_sockets.hpp"
#include "supervise/name_watch.hpp"
#include "supervise/places.hpp"
#include "supervise/shared_ports.hpp"
#include "supervise/threads.hpp"
#include "supervise/verdict.hpp"

namespace cofferdam::supervise {

struct ConnectRules {
  plan::DatabaseRules database;
  plan::EgressRules egress;
  plan::NameTable names;             // with the answers of the start
  std::vector<std::string> hosts;    // that may be asked for
  std::vector<plan::IpAddress> own;  // addresses of this machine's interfaces
  plan::ResolverOptions resolver;
  std::vector<std::string> sockets;  // host sockets let in, canonical
  bool permissive = false;           // what would be refused is told and let through: a run that learns
};

class ConnectBroker {
 public:
  ConnectBroker(const InstanceView& instance, const ConnectRules& rules, Identities& identities, EventLog& events,
                bool broker);

  void handle_socket(kernel::NotifyChannel& channel, const kernel::Notification& call, const KnownThread& thread);
  void handle_connect(kernel::NotifyChannel& channel, const kernel::Notification& call, const KnownThread& thread);
  // sendto, sendmsg and sendmmsg, with `network.egress: deny`: a datagram is sent here, from a copy; on other sockets
  // the call runs, because there an address means nothing.
  void handle_send(kernel::NotifyChannel& channel, const kernel::Notification& call, const KnownThread& thread);
  // bind() runs on, or is performed by bind_abstract: what we hold of sockets that the app has closed is given up
  // first, so that their ports are free.
  void before_bind(kernel::NotifyChannel& channel, const kernel::Notification& call, const KnownThread& thread);
  // Binds an internet socket, here and on the copy of the address that was judged.
  void bind_inet(kernel::NotifyChannel& channel, const kernel::Notification& call, const KnownThread& thread,
                 std::span<const std::byte> address);
  // The port of the call's socket; 0 when it has none, is no internet socket, or can't be looked at.
  [[nodiscard]] std::uint16_t bound_port(const kernel::Notification& call, const KnownThread& thread);
  // Ports are shared with other instances from now on; `instance` is the name of this one.
  void share_ports(SharedPorts& ports, std::string instance) {
    ports_ = &ports;
    instance_name_ = std::move(instance);
  }
  // With shared ports, binds a TCP socket on behalf (shared_ports.hpp). False: the call is not of that kind.
  [[nodiscard]] bool bind_shared(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                 const KnownThread& thread, std::span<const std::byte> address);
  // The socket needs the broker no more. On a shared port it listens by us, else the call runs on.
  void handle_listen(kernel::NotifyChannel& channel, const kernel::Notification& call, const KnownThread& thread);

  // Local mode: an abstract name that a process of the instance binds is the instance's own from then on. Performed
  // here on the copy that was read, because the name is what a later connect is judged by.
  void bind_abstract(kernel::NotifyChannel& channel, const kernel::Notification& call, const KnownThread& thread,
                     std::span<const std::byte> address);

  // Readable when a connection in progress has an outcome.
  [[nodiscard]] int poll_fd() const { return epoll_.get(); }
  void on_progress(kernel::NotifyChannel& channel);
  // Looks after connections whose caller has gone or whose time is up, listeners with a full backlog, and duplicates
  // that nobody uses any more. Call it when next_look() has passed.
  void on_tick(kernel::NotifyChannel& channel);
  // How long nobody needs to look; -1 ms for ever.
  [[nodiscard]] std::chrono::milliseconds next_look() const;
  // Calls whose verdict waited for a name and may go on: handle them again from the start, the caller may have changed.
  [[nodiscard]] std::vector<kernel::Notification> take_ready();
  // A stop signal is about to be delivered: blocking connects return EINTR, as they would.
  void interrupt_all(kernel::NotifyChannel& channel);

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t kMostAbstract = 10000;
  static constexpr std::size_t kMostParked = 1024;
  static constexpr std::size_t kMostDoubted = 1000;
  static constexpr std::uint64_t kNames = ~std::uint64_t{0};  // in the epoll set; the rest are inodes

  // A blocking connect whose caller waits.
  struct Pending {
    std::uint64_t id = 0;
    kernel::Fd socket;
    std::vector<std::byte> address;
    ConnectEvent event;
    std::optional<Clock::time_point> deadline;  // SO_SNDTIMEO
    int unsettled = 0;                          // what connect() said at first, and says when the time is up
    bool retry = false;                         // a unix listener with a full backlog: ask again
    std::uint64_t inode = 0;
    kernel::Fd pinned;  // of a unix path, for the retry
    pid_t tid = 0;
    kernel::ThreadStatus caller;
  };
  // A non-blocking connect that is under way: its outcome is only recorded. The error itself stays the app's to read.
  struct Observed {
    kernel::Fd socket;
    std::uint64_t inode = 0;
    SocketUser user;
    ConnectEvent event;
    Clock::time_point since;
  };
  struct Target {
    kernel::Fd socket;
    std::uint64_t inode = 0;
    int domain = 0;
    int type = 0;
    int error = 0;  // for the caller, when there is no socket; 0: it is connected already
  };
  // Where to connect, after a path was pinned.
  struct Destination {
    plan::Endpoint endpoint;       // canonical
    std::vector<std::byte> bytes;  // what connect(2) is given
    kernel::Fd pinned;             // of a unix path; must live until then
    kernel::Fd host;               // local mode: what is at that path on the host
    std::string host_path;         // canonical path of `host`
    bool host_socket = false;      // a path socket that is not the instance's own
    int error = 0;
  };

  Target find_socket(const kernel::Notification& call, const KnownThread& thread);
  void find_on_host(const std::string& path, Destination& destination) const;
  Destination find_destination(const KnownThread& thread, std::span<const std::byte> bytes, const Target& target) const;
  bool lets_in(const Destination& destination) const;  // by the policy's `sockets`
  bool admitted(const KnownThread& thread, const Destination& destination, const Target& target, ConnectEvent& event);
  void report_refusal(const ConnectEvent& event, const Verdict& verdict, const Caller& caller);
  bool wait_for_names(kernel::NotifyChannel& channel, const kernel::Notification& call,
                      const plan::Endpoint& destination, bool stream);
  // By `network.egress`. `asks`: nothing is sent by the call itself.
  bool leaves_by_rule(const plan::Endpoint& destination, const ProcessRef& process, bool asks);
  static bool is_datagram(const Target& target, const KnownThread& thread, int number);
  void hear_names();
  // The socket is non-blocking for the moment. `caller_waits`: the caller's own was a blocking one.
  int perform(const kernel::ThreadStatus& caller, int socket, std::span<const std::byte> address,
              bool caller_waits) const;
  int perform_without_waiting(const kernel::ThreadStatus& caller, int socket, std::span<const std::byte> address) const;
  void finish(kernel::NotifyChannel& channel, std::uint64_t id, int error, ConnectEvent event, bool record);
  void wait_for(Pending pending);
  bool settle_pending(kernel::NotifyChannel& channel, Pending& pending, bool ready);
  void look_for_signals(kernel::NotifyChannel& channel);
  void observe(Observed observed);
  void settle_observed(Observed& observed);
  void drop_closed();

  const InstanceView& instance_;
  const ConnectRules& rules_;
  Identities& identities_;
  EventLog& events_;
  bool broker_;
  SharedPorts* ports_ = nullptr;
  std::string instance_name_;
  NameWatch names_;
  kernel::Fd epoll_;
  HeldSockets held_;  // broker only
  std::list<Pending> pending_;
  std::list<Observed> observed_;
  std::vector<kernel::Notification> parked_;  // the verdict waits for a name
  std::vector<kernel::Notification> ready_;
  std::set<std::string> bound_abstract_;
  std::set<std::string> doubted_;  // destinations of CD205
  Clock::time_point last_look_;
  Clock::time_point last_look_at_observed_;
};

}  // namespace cofferdam::supervise
