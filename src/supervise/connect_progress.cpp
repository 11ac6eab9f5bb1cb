// What becomes of connections that were not settled at once, and of the duplicates that the broker holds.
#include <dirent.h>
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <memory>

#include "supervise/connect_broker.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::chrono::milliseconds kLook{1000};
constexpr std::chrono::milliseconds kLeastLook{20};
constexpr std::chrono::seconds kObserveAtMost{3};
constexpr std::chrono::milliseconds kBacklogRetry{5};

void watch(int epoll, int fd, std::uint64_t inode) {
  epoll_event event{};
  event.events = EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLONESHOT;
  event.data.u64 = inode;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST) {
    (void)epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
  }
}

int take_error(int socket) {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) == 0 ? error : errno;
}

// Looks for the socket in the table of a thread that has not used it yet, and notes its number there.
bool owns_socket(const kernel::ThreadView& view, std::uint64_t inode, int& number) {
  const int directory = openat(view.directory(), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(directory >= 0 ? fdopendir(directory) : nullptr, closedir);
  while (const dirent* entry = stream ? readdir(stream.get()) : nullptr) {
    const auto link = kernel::read_link_at(dirfd(stream.get()), entry->d_name);
    if (link && kernel::socket_inode(*link) == inode) {
      number = std::atoi(entry->d_name);
      return true;
    }
  }
  return false;
}

bool is_connected(int socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

}  // namespace

void ConnectBroker::handle_listen(const kernel::Notification& call, const KnownThread& thread) {
  identities_.settle(thread.status.tgid);
  if (!broker_) return;
  const auto link = thread.view.descriptor_link(static_cast<int>(call.args[0]));
  const auto inode = link ? kernel::socket_inode(*link) : std::nullopt;
  if (inode) release(*inode);
}

void ConnectBroker::bind_abstract(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                  const KnownThread& thread, std::span<const std::byte> address) {
  const Target target = find_socket(call, thread);
  if (!target.socket) return channel.answer_error(call.id, target.error);
  if (!channel.still_valid(call.id)) return;
  const auto* raw = reinterpret_cast<const sockaddr*>(address.data());
  if (bind(target.socket.get(), raw, static_cast<socklen_t>(address.size())) != 0) {
    return channel.answer_error(call.id, errno);
  }
  const auto endpoint = plan::parse_sockaddr(address);
  const auto* abstract = endpoint ? std::get_if<plan::UnixAbstractEndpoint>(&*endpoint) : nullptr;
  if (abstract != nullptr && bound_abstract_.size() < kMostAbstract) bound_abstract_.insert(abstract->name);
  channel.answer_value(call.id, 0);
}

void ConnectBroker::wait_for(Pending pending) {
  if (!pending.retry) watch(epoll_.get(), pending.socket.get(), pending.inode);
  pending_.push_back(std::move(pending));
}

void ConnectBroker::observe(Observed observed) {
  watch(epoll_.get(), observed.socket.get(), observed.inode);
  observed_.push_back(std::move(observed));
}

void ConnectBroker::settle_observed(Observed& observed) {
  observed.event.connected = is_connected(observed.socket.get());
  observed.event.errnum = observed.event.connected ? 0 : EINPROGRESS;
  if (observed.event.connected && broker_) release(observed.inode);
  events_.emit(std::move(observed.event));
}

void ConnectBroker::release(std::uint64_t inode) {
  held_.erase(inode);
}

// True when the caller got its answer (or has gone) and the entry can go.
bool ConnectBroker::settle_pending(kernel::NotifyChannel& channel, Pending& pending, bool ready) {
  if (!channel.still_valid(pending.id)) return true;
  int error = 0;
  if (pending.retry) {
    // The flag is the caller's: set for the moment of the call only, as in handle_connect.
    const int flags = fcntl(pending.socket.get(), F_GETFL);
    fcntl(pending.socket.get(), F_SETFL, flags | O_NONBLOCK);
    error = perform(pending.caller, pending.socket.get(), pending.address);
    fcntl(pending.socket.get(), F_SETFL, flags);
    if (error == EAGAIN) {
      if (!pending.deadline || Clock::now() < *pending.deadline) return false;
    }
  } else if (ready) {
    error = take_error(pending.socket.get());
  } else if (pending.deadline && Clock::now() >= *pending.deadline) {
    error = EINPROGRESS;  // what the kernel says when SO_SNDTIMEO runs out (socket(7))
  } else {
    return false;
  }
  if (error == 0 && broker_) release(pending.inode);
  finish(channel, pending.id, error, std::move(pending.event), true);
  return true;
}

void ConnectBroker::on_progress(kernel::NotifyChannel& channel) {
  std::array<epoll_event, 16> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()), 0);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t inode = events.at(static_cast<std::size_t>(i)).data.u64;
    if (inode == kNames) {
      hear_names();
      continue;
    }
    const auto pending = std::ranges::find(pending_, inode, &Pending::inode);
    if (pending != pending_.end()) {
      if (settle_pending(channel, *pending, true)) pending_.erase(pending);
      continue;
    }
    const auto observed = std::ranges::find(observed_, inode, &Observed::inode);
    if (observed == observed_.end()) continue;
    settle_observed(*observed);
    observed_.erase(observed);
  }
}

std::chrono::milliseconds ConnectBroker::next_look() const {
  if (std::ranges::any_of(pending_, &Pending::retry)) return kBacklogRetry;
  auto wait = names_.next_look();
  if (!ready_.empty()) return std::chrono::milliseconds(0);
  if (!pending_.empty() || !held_.empty() || !observed_.empty()) {
    wait = wait.count() < 0 ? kLook : std::min(wait, kLook);
  }
  for (const Pending& pending : pending_) {
    if (!pending.deadline) continue;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(*pending.deadline - Clock::now());
    wait = std::clamp(left + std::chrono::milliseconds(1), std::chrono::milliseconds(1), wait);
  }
  return wait;
}

void ConnectBroker::on_tick(kernel::NotifyChannel& channel) {
  if (names_.next_look().count() == 0) hear_names();
  const auto now = Clock::now();
  const bool retries = std::ranges::any_of(pending_, &Pending::retry);
  if (now - last_look_ < (retries ? kBacklogRetry : kLeastLook)) return;
  last_look_ = now;
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    pending = settle_pending(channel, *pending, false) ? pending_.erase(pending) : std::next(pending);
  }
  // A descriptor of ours must not keep a half-open connection alive for long.
  std::erase_if(observed_, [&](Observed& observed) {
    if (now - observed.since < kObserveAtMost) return false;
    settle_observed(observed);
    return true;
  });
  drop_unused();
}

// A duplicate keeps a port bound and a peer waiting, so it goes once its maker's descriptor is something else.
void ConnectBroker::drop_unused(bool at_once) {
  const auto now = Clock::now();
  for (auto held = held_.begin(); held != held_.end();) {
    if (!at_once && now - held->second.since < kLook) {
      ++held;
      continue;
    }
    held->second.since = now;
    const auto view = kernel::ThreadView::open(held->second.tid);
    bool used = false;
    if (view && held->second.number >= 0) {
      const auto link = view->descriptor_link(held->second.number);
      used = link && kernel::socket_inode(*link) == held->first;
    } else if (view) {
      used = owns_socket(*view, held->first, held->second.number);
    }
    held = used ? std::next(held) : held_.erase(held);
  }
}

bool ConnectBroker::wait_for_names(kernel::NotifyChannel& channel, const kernel::Notification& call,
                                   const plan::Endpoint& destination, bool stream) {
  if (rules_.hosts.empty()) return false;
  std::vector<std::string> hosts = unsettled_hosts(destination, rules_.egress, rules_.database, names_.network());
  if (stream) {
    names_.refresh(settled_hosts(destination, rules_.database, names_.network()));
    std::ranges::move(unsettled_hosts(destination, rules_.database, names_.network()), std::back_inserter(hosts));
  }
  if (!names_.must_wait_for(hosts)) return false;
  if (parked_.size() >= kMostParked) {
    channel.answer_error(call.id, EAGAIN);
  } else {
    parked_.push_back(call);
  }
  return true;
}

// Each one asks again whether it has to wait, so nobody needs to know which name it waited for.
void ConnectBroker::hear_names() {
  if (!names_.work()) return;
  std::ranges::move(parked_, std::back_inserter(ready_));
  parked_.clear();
}

std::vector<kernel::Notification> ConnectBroker::take_ready() {
  return std::exchange(ready_, {});
}

void ConnectBroker::interrupt_all(kernel::NotifyChannel& channel) {
  for (const auto* calls : {&parked_, &ready_}) {
    for (const kernel::Notification& call : *calls) channel.answer_error(call.id, EINTR);
  }
  parked_.clear();
  ready_.clear();
  for (Pending& pending : pending_) finish(channel, pending.id, EINTR, std::move(pending.event), true);
  pending_.clear();
}

}  // namespace cofferdam::supervise
