#include "supervise/held_sockets.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace cofferdam::supervise {

namespace {

constexpr std::size_t kMostHeld = 4096;
constexpr std::size_t kOwnDescriptors = 400;  // of the launcher for everything else
constexpr std::size_t kMostConnected = 4096;
constexpr std::chrono::milliseconds kSweepAtMost{250};  // thousands of tables take some 30 ms
constexpr std::chrono::milliseconds kLook{1000};
constexpr std::chrono::milliseconds kCloseLook{50};

bool is_stream(int socket) {
  int type = 0;
  socklen_t length = sizeof type;
  return getsockopt(socket, SOL_SOCKET, SO_TYPE, &type, &length) == 0 && type == SOCK_STREAM;
}

bool is_connected(int socket) {
  sockaddr_storage peer{};
  socklen_t length = sizeof peer;
  return getpeername(socket, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
}

}  // namespace

HeldSockets::HeldSockets() : most_(kMostHeld) {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= kMostHeld + kOwnDescriptors) return;
  most_ = limit.rlim_cur > 2 * kOwnDescriptors ? limit.rlim_cur - kOwnDescriptors : limit.rlim_cur / 2;
}

void HeldSockets::keep(std::uint64_t inode, kernel::Fd socket, const SocketUser& maker) {
  if (held_.size() >= most_ && Clock::now() - swept_ >= kSweepAtMost) {
    drop_unused([](const Held&) { return true; });
    swept_ = Clock::now();
  }
  if (held_.size() >= most_) {
    held_.erase(std::ranges::min_element(held_, {}, [](const auto& entry) { return entry.second.made; }));
  }
  const bool passes = is_stream(socket.get());
  connected_.erase(inode);
  held_[inode] = Held{std::move(socket), maker, false, passes, Clock::now(), Clock::now()};
}

kernel::Fd HeldSockets::copy(std::uint64_t inode, const SocketUser& user) {
  const auto held = held_.find(inode);
  if (held == held_.end()) return {};
  held->second.user = user;
  return kernel::Fd(fcntl(held->second.socket.get(), F_DUPFD_CLOEXEC, 3));
}

void HeldSockets::release(std::uint64_t inode) {
  held_.erase(inode);
}

void HeldSockets::release_connected(std::uint64_t inode, bool told) {
  if (held_.erase(inode) == 0) return;
  if (connected_.insert_or_assign(inode, told).second) connected_order_.push_back(inode);
  while (connected_order_.size() > kMostConnected) {
    connected_.erase(connected_order_.front());
    connected_order_.pop_front();
  }
}

std::optional<int> HeldSockets::connected_answer(std::uint64_t inode) {
  const auto at = connected_.find(inode);
  if (at == connected_.end()) return std::nullopt;
  return std::exchange(at->second, true) ? EISCONN : 0;
}

void HeldSockets::watch_closely(std::uint64_t inode) {
  const auto held = held_.find(inode);
  if (held != held_.end()) held->second.closely = true;
}

void HeldSockets::free_ports() {
  drop_unused([](const Held& held) { return held.closely; });
}

void HeldSockets::on_tick() {
  const auto now = Clock::now();
  drop_unused([&](const Held& held) { return now - held.looked >= (held.closely ? kCloseLook : kLook); });
}

template <class Predicate>
void HeldSockets::drop_unused(Predicate is_due) {
  const auto now = Clock::now();
  std::set<std::uint64_t> lost;
  for (auto entry = held_.begin(); entry != held_.end();) {
    auto& [inode, held] = *entry;
    ++entry;  // what is released here is gone from the map
    if (!is_due(held)) continue;
    held.looked = now;
    if (held.passes && is_connected(held.socket.get())) {
      release_connected(std::uint64_t{inode}, false);  // after we had given up observing it
    } else if (!held.user.has(inode)) {
      lost.insert(inode);
    }
  }
  if (lost.empty()) return;
  find_users(lost);
  for (const std::uint64_t inode : lost) held_.erase(inode);
}

// A socket may have another number by now, or have been inherited or passed on before its maker closed it. What is
// found is no longer lost; where there is more to read than is read, it stays so, and its next connect is refused.
void HeldSockets::find_users(std::set<std::uint64_t>& lost) {
  std::set<pid_t> known;
  for (const std::uint64_t inode : lost) known.insert(held_[inode].user.tgid);
  // Datagram sockets are made and closed for every name that is asked for; nobody passes them on.
  const bool passed = std::ranges::any_of(lost, [&](std::uint64_t inode) { return held_[inode].passes; });
  for (const auto& [inode, user] : supervise::find_users(lost, known, passed).users) {
    held_[inode].user = user;
    lost.erase(inode);
  }
}

std::chrono::milliseconds HeldSockets::next_look() const {
  if (held_.empty()) return std::chrono::milliseconds(-1);
  return std::ranges::any_of(held_, [](const auto& entry) { return entry.second.closely; }) ? kCloseLook : kLook;
}

}  // namespace cofferdam::supervise
