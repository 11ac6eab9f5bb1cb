#include "supervise/connect_broker.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "base/text.hpp"
#include "kernel/process.hpp"
#include "supervise/refusal.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::chrono::milliseconds kLongestCall{100};

template <class T>
T socket_option(int socket, int option) {
  T value{};
  socklen_t length = sizeof value;
  if (getsockopt(socket, SOL_SOCKET, option, &value, &length) != 0) return T{};
  return value;
}

std::vector<std::byte> address_of(const kernel::Fd& pinned) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const int length = std::snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d", pinned.get());
  const auto raw = std::as_bytes(std::span(&address, 1));
  const std::size_t used = offsetof(sockaddr_un, sun_path) + static_cast<std::size_t>(length) + 1;
  return {raw.begin(), raw.begin() + static_cast<std::ptrdiff_t>(used)};
}

bool is_stream(int type) {
  return type == SOCK_STREAM || type == SOCK_SEQPACKET;
}

}  // namespace

ConnectBroker::ConnectBroker(const InstanceView& instance, const ConnectRules& rules, Identities& identities,
                             EventLog& events, bool broker)
    : instance_(instance),
      rules_(rules),
      identities_(identities),
      events_(events),
      broker_(broker),
      names_(rules.names, rules.hosts, rules.own, rules.resolver),
      epoll_(epoll_create1(EPOLL_CLOEXEC)) {
  epoll_event names{.events = EPOLLIN, .data = {.u64 = kNames}};
  (void)epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, names_.poll_fd(), &names);
}

void ConnectBroker::handle_socket(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                  const KnownThread& thread) {
  // Registers only: the filter has let through families, types and protocols that may be.
  const auto domain = static_cast<int>(call.args[0]);
  const auto type = static_cast<int>(call.args[1]);
  const auto protocol = static_cast<int>(call.args[2]);
  kernel::Fd made;
  int error = 0;
  {
    // The socket's owner decides who may share its port (SO_REUSEPORT).
    const kernel::BorrowedIdentity as_caller(thread.status.euid, thread.status.egid, thread.status.groups);
    made.reset(as_caller.ok() ? socket(domain, type | SOCK_CLOEXEC, protocol) : -1);
    error = errno;
  }
  if (!made) return channel.answer_error(call.id, error != 0 ? error : EACCES);
  const auto identity = kernel::identify(made.get(), "");
  if (!identity) return channel.answer_error(call.id, EACCES);
  if (!channel.answer_with_fd(call.id, made.get(), (type & SOCK_CLOEXEC) != 0)) {
    // ENOENT: the caller has gone. Anything else (its table is full) it must hear: never let the call run.
    if (errno != ENOENT) channel.answer_error(call.id, errno);
    return;
  }
  held_.keep(identity->inode, std::move(made), {thread.view.tid(), thread.status.tgid});
}

ConnectBroker::Target ConnectBroker::find_socket(const kernel::Notification& call, const KnownThread& thread) {
  Target target;
  const auto number = static_cast<int>(call.args[0]);
  const auto link = thread.view.descriptor_link(number);
  // A caller that made itself unreadable (PR_SET_DUMPABLE) still has its socket; the verdict on it comes later.
  const bool hides = !link && link.error().errnum == EACCES;
  if (!link && (!hides || broker_)) {
    target.error = hides ? EACCES : EBADF;
    return target;
  }
  const auto inode = link ? kernel::socket_inode(*link) : std::nullopt;
  if (link && !inode) {
    target.error = ENOTSOCK;
    return target;
  }
  target.inode = inode.value_or(0);
  if (broker_) {
    target.socket = held_.copy(target.inode, {thread.view.tid(), thread.status.tgid, number});
    if (!target.socket) {
      // Not connected by us: passed in from elsewhere, or of a family that is not brokered. Nothing to act on.
      target.error = held_.connected_answer(target.inode).value_or(ECONNREFUSED);
      return target;
    }
  } else {
    // A thread may have a descriptor table of its own: ask for the thread, on older kernels for the process.
    kernel::Fd pidfd = kernel::open_pidfd(thread.view.tid(), true);
    if (!pidfd) pidfd = kernel::open_pidfd(thread.status.tgid, false);
    target.socket = kernel::steal_fd(pidfd.get(), number);
    const auto taken = target.socket ? kernel::identify(target.socket.get(), "") : fail("", EBADF);
    // The leader's table is not the thread's, or the number was reused in between: not the socket we looked at.
    if (!taken || !S_ISSOCK(taken->mode) || (inode && taken->inode != *inode)) target.socket.reset();
    if (taken) target.inode = taken->inode;
  }
  if (!target.socket) {
    target.error = EACCES;
    return target;
  }
  target.domain = socket_option<int>(target.socket.get(), SO_DOMAIN);
  target.type = socket_option<int>(target.socket.get(), SO_TYPE);
  return target;
}

ConnectBroker::Destination ConnectBroker::find_destination(const KnownThread& thread, std::span<const std::byte> bytes,
                                                           const Target& target) const {
  Destination destination;
  destination.bytes.assign(bytes.begin(), bytes.end());
  auto endpoint = plan::parse_sockaddr(bytes);
  if (!endpoint) {
    destination.error = endpoint.error().errnum != 0 ? endpoint.error().errnum : EINVAL;
    return destination;
  }
  destination.endpoint = std::move(*endpoint);
  if (const auto* abstract = std::get_if<plan::UnixAbstractEndpoint>(&destination.endpoint)) {
    destination.host_socket = !bound_abstract_.contains(abstract->name);
  }
  const auto* path = std::get_if<plan::UnixPathEndpoint>(&destination.endpoint);
  // The socket's own family says how the kernel reads the address; on another family it will refuse it.
  if (path == nullptr || target.domain != AF_UNIX) return destination;
  destination.pinned = pin_object(instance_, thread.view, thread.status, AT_FDCWD, path->path, true);
  if (!destination.pinned) {
    destination.error = errno;
    if (path->path.starts_with('/')) find_on_host(base::normalise_path(path->path), destination);
    if (destination.host) destination.endpoint = plan::UnixPathEndpoint{destination.host_path};
    return destination;
  }
  const auto identity = kernel::identify(destination.pinned.get(), "");
  const std::string canonical = path_of(destination.pinned.get());
  const bool ours = identity && instance_.is_ours(*identity);
  if (!ours) find_on_host(canonical, destination);
  destination.endpoint = plan::UnixPathEndpoint{canonical};
  const InstanceMount* mount = identity ? instance_.find(identity->mount_id) : nullptr;
  destination.host_socket = !ours && (mount == nullptr || !is_writable(mount->plan->type));
  // Connected through the handle, so that nobody can put another socket at the path in between.
  destination.bytes = address_of(destination.pinned);
  return destination;
}

// A socket file of the host is seen through an overlay as another inode, on which nobody listens, and below our tmpfs
// not at all. An admitted one is reached by its path on the host.
void ConnectBroker::find_on_host(const std::string& path, Destination& destination) const {
  if (instance_.container) return;
  destination.host.reset(open(path.c_str(), O_PATH | O_CLOEXEC));
  const auto identity = destination.host ? kernel::identify(destination.host.get(), "") : fail("", ENOENT);
  if (!identity || !S_ISSOCK(identity->mode)) {
    destination.host.reset();
    return;
  }
  destination.host_path = path_of(destination.host.get());
}

bool ConnectBroker::lets_in(const Destination& destination) const {
  if (const auto* abstract = std::get_if<plan::UnixAbstractEndpoint>(&destination.endpoint)) {
    // An X server listens at both, and its clients ask for the abstract one alone.
    return std::ranges::any_of(rules_.sockets, [&](const std::string& socket) {
      return socket == "@" + abstract->name || (socket.starts_with('/') && socket == abstract->name);
    });
  }
  return std::ranges::find(rules_.sockets, destination.host_path) != rules_.sockets.end();
}

bool ConnectBroker::admitted(const KnownThread& thread, const Destination& destination, const Target& target,
                             ConnectEvent& event) {
  event.engine = is_stream(target.type) ? database_engine(destination.endpoint, rules_.database, names_.network()) : "";
  if (event.engine.empty()) {
    if (!leaves_by_rule(destination.endpoint, thread.process, !is_stream(target.type))) return false;
    // One that the app can't see is not there for it, unless the run learns what the app would use.
    const bool hidden = rules_.permissive && destination.host;
    if ((!destination.host_socket && !hidden) || instance_.container) return true;
    if (lets_in(destination)) return true;
    events_.emit(host_socket_finding(event.destination, thread.process));
    return rules_.permissive;
  }
  const Caller caller = identities_.identify(thread.view, thread.status);
  const Verdict verdict = judge(caller.role, destination.endpoint, rules_.database, names_.network());
  event.engine = verdict.engine;
  if (caller.role == Role::app || caller.role == Role::one_off) {
    const auto* rule = named_elsewhere(destination.endpoint, rules_.database, names_.network());
    // Once is enough: the connection itself is an event each time.
    const bool news = rule != nullptr && doubted_.size() < kMostDoubted && doubted_.insert(event.destination).second;
    if (news) events_.emit(hard_coded_finding(event, *rule));
  }
  if (verdict.allowed) {
    if (!leaves_by_rule(destination.endpoint, thread.process, false)) return false;
    identities_.settle(thread.status.tgid);
    return true;
  }
  events_.emit(
      refusal_finding(event, verdict, caller, caller.record ? identities_.row_that_admits(*caller.record) : ""));
  return rules_.permissive;
}

int ConnectBroker::perform(const kernel::ThreadStatus& caller, int socket, std::span<const std::byte> address,
                           bool caller_waits) const {
  // The peer of a unix socket sees who connects (SO_PEERCRED, PostgreSQL's peer authentication).
  const kernel::BorrowedIdentity as_caller(caller.euid, caller.egid, caller.groups);
  if (!as_caller.ok()) return EACCES;
  const auto* raw = reinterpret_cast<const sockaddr*>(address.data());
  // Another thread of the app can make the socket blocking again at any moment: a signal ends the wait then, and the
  // connection goes on by itself (connect(2), EINTR).
  const kernel::Alarm alarm(kLongestCall);
  const auto length = static_cast<socklen_t>(address.size());
  if (connect(socket, raw, length) == 0) return 0;
  if (errno == EINPROGRESS && caller_waits) {
    // On the loopback the other side has answered by now: asking again settles it without a turn through epoll.
    if (connect(socket, raw, length) == 0) return 0;
    if (errno == EALREADY) return EINPROGRESS;
  }
  if (errno != EINTR) return errno;
  return raw->sa_family == AF_UNIX ? EAGAIN : EINPROGRESS;
}

// The flag belongs to the caller's socket and is put back before it can look.
int ConnectBroker::perform_without_waiting(const kernel::ThreadStatus& caller, int socket,
                                           std::span<const std::byte> address) const {
  const int flags = fcntl(socket, F_GETFL);
  if ((flags & O_NONBLOCK) != 0) return perform(caller, socket, address, false);
  fcntl(socket, F_SETFL, flags | O_NONBLOCK);
  const int error = perform(caller, socket, address, true);
  fcntl(socket, F_SETFL, flags);
  return error;
}

void ConnectBroker::handle_connect(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                   const KnownThread& thread) {
  const auto length = static_cast<std::uint32_t>(call.args[2]);
  if (length > plan::kMaxSockaddr) return channel.answer_error(call.id, EINVAL);
  std::vector<std::byte> bytes(length);
  const ssize_t got = length > 0 ? thread.view.read_memory(call.args[1], bytes) : 0;
  if (got == -EPERM || got == -EACCES) {
    events_.emit(unreadable_finding(thread.process));
    return channel.answer_error(call.id, EACCES);
  }
  if (got != static_cast<ssize_t>(length)) return channel.answer_error(call.id, EFAULT);
  Target target = find_socket(call, thread);
  if (!target.socket) {
    if (target.error == EACCES) events_.emit(unreadable_finding(thread.process));
    // To let a connection go (AF_UNSPEC) takes the socket, which is the app's alone by now.
    const auto endpoint = plan::parse_sockaddr(bytes);
    const bool lets_go = endpoint && std::holds_alternative<plan::OtherEndpoint>(*endpoint);
    if (lets_go && (target.error == 0 || target.error == EISCONN)) target.error = EOPNOTSUPP;
    return target.error == 0 ? channel.answer_value(call.id, 0) : channel.answer_error(call.id, target.error);
  }
  Destination destination = find_destination(thread, bytes, target);
  if (wait_for_names(channel, call, destination.endpoint, is_stream(target.type))) return;
  ConnectEvent event;
  event.destination = plan::to_string(destination.endpoint);
  event.process = thread.process;
  const bool disconnects = std::holds_alternative<plan::OtherEndpoint>(destination.endpoint);
  const bool record = is_stream(target.type) && !disconnects;
  if (!disconnects) event.allowed = admitted(thread, destination, target, event);
  if (!channel.still_valid(call.id)) return;
  if (!disconnects && !event.allowed) {
    return finish(channel, call.id, target.domain == AF_UNIX ? EACCES : ECONNREFUSED, std::move(event), record);
  }
  const bool by_host_path = destination.host && target.domain == AF_UNIX &&
                            (!event.engine.empty() || rules_.permissive || lets_in(destination));
  if (destination.error != 0 && !by_host_path) {
    return finish(channel, call.id, destination.error, std::move(event), record);
  }

  // A blocking socket is connected without blocking us: what isn't settled at once is waited for in on_progress.
  const bool blocking = (fcntl(target.socket.get(), F_GETFL) & O_NONBLOCK) == 0;
  int error = destination.error != 0 ? destination.error
                                     : perform_without_waiting(thread.status, target.socket.get(), destination.bytes);
  if (by_host_path && (error == ECONNREFUSED || error == ENOENT)) {
    destination.bytes = address_of(destination.host);
    destination.pinned = std::move(destination.host);
    error = perform_without_waiting(thread.status, target.socket.get(), destination.bytes);
  }
  const bool in_progress = error == EINPROGRESS || (error == EAGAIN && target.domain == AF_UNIX);
  if (blocking && (in_progress || error == EALREADY)) {
    Pending pending;
    pending.id = call.id;
    pending.socket = std::move(target.socket);
    pending.address = std::move(destination.bytes);
    pending.event = std::move(event);
    pending.unsettled = error;
    pending.retry = error == EAGAIN;
    pending.inode = target.inode;
    const auto limit = socket_option<timeval>(pending.socket.get(), SO_SNDTIMEO);
    if (limit.tv_sec != 0 || limit.tv_usec != 0) {
      pending.deadline = Clock::now() + std::chrono::seconds(limit.tv_sec) + std::chrono::microseconds(limit.tv_usec);
    }
    pending.pinned = std::move(destination.pinned);
    pending.tid = thread.view.tid();
    pending.caller = thread.status;
    return wait_for(std::move(pending));
  }
  if ((error == 0 || error == EISCONN) && is_stream(target.type) && !disconnects) {
    held_.release_connected(target.inode, true);
  }
  if (error == EINPROGRESS && record) {
    channel.answer_error(call.id, EINPROGRESS);
    const SocketUser user{thread.view.tid(), thread.status.tgid, static_cast<int>(call.args[0])};
    return observe({std::move(target.socket), target.inode, user, std::move(event), Clock::now()});
  }
  // An interrupted call that was restarted finds its own connection made (kernels without WAIT_KILLABLE_RECV).
  finish(channel, call.id, error, std::move(event), record);
}

void ConnectBroker::finish(kernel::NotifyChannel& channel, std::uint64_t id, int error, ConnectEvent event,
                           bool record) {
  if (error == 0) {
    channel.answer_value(id, 0);
  } else {
    channel.answer_error(id, error);
  }
  // libc asks for a name service cache at every look-up, and mostly there is none.
  const bool nobody_there = event.allowed && event.engine.empty() && error == ENOENT;
  if (!record || nobody_there) return;
  event.connected = error == 0;
  event.errnum = error;
  events_.emit(std::move(event));
}

}  // namespace cofferdam::supervise
