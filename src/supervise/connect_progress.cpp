// What becomes of connections that were not settled at once, and of the duplicates that the broker holds.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "supervise/connect_broker.hpp"

namespace cofferdam::supervise {

namespace {

constexpr std::chrono::milliseconds kLeastLook{20};
constexpr std::chrono::milliseconds kObservedLook{50};
constexpr std::chrono::seconds kObserveAtMost{3};
constexpr std::chrono::milliseconds kBacklogRetry{5};
constexpr std::size_t kMostSignalLooks = 32;

void watch(int epoll, int fd, std::uint64_t inode) {
  epoll_event event{};
  event.events = EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLONESHOT;
  event.data.u64 = inode;
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0 && errno == EEXIST) {
    (void)epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &event);
  }
}

bool is_connected(int socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

}  // namespace

void ConnectBroker::wait_for(Pending pending) {
  if (!pending.retry) watch(epoll_.get(), pending.socket.get(), pending.inode);
  pending_.push_back(std::move(pending));
}

void ConnectBroker::observe(Observed observed) {
  // On the loopback the other side has answered by now.
  if (is_connected(observed.socket.get())) return settle_observed(observed);
  watch(epoll_.get(), observed.socket.get(), observed.inode);
  observed_.push_back(std::move(observed));
}

void ConnectBroker::settle_observed(Observed& observed) {
  observed.event.connected = is_connected(observed.socket.get());
  observed.event.errnum = observed.event.connected ? 0 : EINPROGRESS;
  if (observed.event.connected) held_.release_connected(observed.inode, false);
  events_.emit(std::move(observed.event));
}

// The app has given up: what we hold would keep the port, and the connection going.
void ConnectBroker::drop_closed() {
  std::erase_if(observed_, [&](Observed& observed) {
    if (observed.user.has(observed.inode)) return false;
    settle_observed(observed);
    held_.watch_closely(observed.inode);
    return true;
  });
}

// True when the caller got its answer (or has gone) and the entry can go.
bool ConnectBroker::settle_pending(kernel::NotifyChannel& channel, Pending& pending, bool ready) {
  if (!channel.still_valid(pending.id)) {
    held_.watch_closely(pending.inode);
    return true;
  }
  int error = pending.unsettled;
  if (ready || pending.retry) {
    // Asked by connect() itself: only that moves the socket on, to connected or back to where it can try again.
    error = perform_without_waiting(pending.caller, pending.socket.get(), pending.address);
    if (error == EISCONN) error = 0;
  }
  if (error == EAGAIN || error == EALREADY || error == EINPROGRESS) {
    if (!pending.deadline || Clock::now() < *pending.deadline) {
      if (ready) watch(epoll_.get(), pending.socket.get(), pending.inode);
      return false;
    }
    error = pending.unsettled;  // what the kernel says when SO_SNDTIMEO runs out
  }
  if (error == 0) held_.release_connected(pending.inode, true);
  finish(channel, pending.id, error, std::move(pending.event), true);
  return true;
}

// A notified call sleeps through its signals (WAIT_KILLABLE_RECV), a connect does not: it is answered as the kernel
// would answer it. At most a few callers at a time, the next ones at the next look.
void ConnectBroker::look_for_signals(kernel::NotifyChannel& channel) {
  const std::size_t looks = std::min(pending_.size(), kMostSignalLooks);
  for (std::size_t i = 0; i < looks; ++i) {
    Pending& pending = pending_.front();
    const auto view = kernel::ThreadView::open(pending.tid);
    if (!view || !view->has_signal() || !channel.still_valid(pending.id)) {
      pending_.splice(pending_.end(), pending_, pending_.begin());
      continue;
    }
    if (!pending.deadline) {
      channel.answer_restart(pending.id);  // comes again, unless its handler says otherwise
    } else {
      finish(channel, pending.id, EINTR, std::move(pending.event), true);
    }
    pending_.pop_front();
  }
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
  const auto consider = [&](std::chrono::milliseconds other) {
    if (other.count() >= 0) wait = wait.count() < 0 ? other : std::min(wait, other);
  };
  consider(held_.next_look());
  if (!observed_.empty()) consider(kObservedLook);
  if (!pending_.empty()) consider(kLeastLook);
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
  if (now - last_look_ < kBacklogRetry) return;
  const bool retries = std::ranges::any_of(pending_, &Pending::retry);
  if (!retries && now - last_look_ < kLeastLook) return;
  last_look_ = now;
  for (auto pending = pending_.begin(); pending != pending_.end();) {
    pending = settle_pending(channel, *pending, false) ? pending_.erase(pending) : std::next(pending);
  }
  look_for_signals(channel);
  if (now - last_look_at_observed_ >= kObservedLook) {
    last_look_at_observed_ = now;
    drop_closed();
  }
  // A descriptor of ours must not keep a half-open connection alive for long.
  std::erase_if(observed_, [&](Observed& observed) {
    if (now - observed.since < kObserveAtMost) return false;
    settle_observed(observed);
    return true;
  });
  held_.on_tick();
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
