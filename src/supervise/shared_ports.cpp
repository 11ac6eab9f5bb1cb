#include "supervise/shared_ports.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "kernel/reuseport.hpp"

namespace cofferdam::supervise {

namespace {

constexpr int kOn = 1;

// An address of IPv4 in the form of IPv6, so that both compare.
struct Inet {
  in6_addr address{};
  std::uint16_t port = 0;
  bool wildcard = false;
  bool ipv4 = false;
};

Inet inet_of(const sockaddr_storage& address) {
  Inet inet;
  if (address.ss_family == AF_INET) {
    const auto& in = reinterpret_cast<const sockaddr_in&>(address);
    inet.address.s6_addr[10] = inet.address.s6_addr[11] = 0xff;
    std::memcpy(inet.address.s6_addr + 12, &in.sin_addr, 4);
    inet.port = in.sin_port;
    inet.wildcard = in.sin_addr.s_addr == INADDR_ANY;
    inet.ipv4 = true;
  } else {
    const auto& in = reinterpret_cast<const sockaddr_in6&>(address);
    inet.address = in.sin6_addr;
    inet.port = in.sin6_port;
    inet.wildcard = IN6_IS_ADDR_UNSPECIFIED(&in.sin6_addr);
    inet.ipv4 = IN6_IS_ADDR_V4MAPPED(&in.sin6_addr);
  }
  return inet;
}

bool same_address(const Inet& left, const Inet& right) {
  return std::memcmp(&left.address, &right.address, sizeof left.address) == 0;
}

int option(int socket, int level, int name) {
  int value = 0;
  socklen_t length = sizeof value;
  return getsockopt(socket, level, name, &value, &length) == 0 ? value : 0;
}

}  // namespace

bool SharedPorts::Place::operator==(const Place& other) const {
  if (address.ss_family != other.address.ss_family || ipv6_only != other.ipv6_only) return false;
  const Inet left = inet_of(address);
  const Inet right = inet_of(other.address);
  return left.port == right.port && same_address(left, right);
}

void SharedPorts::join(const std::string& instance, bool open, std::function<std::set<pid_t>()> processes) {
  instances_[instance] = {open, std::nullopt, std::move(processes)};
}

void SharedPorts::leave(const std::string& instance) {
  instances_.erase(instance);
  std::vector<std::uint64_t> gone;
  for (const Member& member : members_) {
    if (member.instance == instance) gone.push_back(member.inode);
  }
  for (const std::uint64_t inode : gone) drop(inode);
}

void SharedPorts::set_open(const std::string& instance, bool open) {
  const auto known = instances_.find(instance);
  if (known == instances_.end() || std::exchange(known->second.open, open) == open) return;
  balance_all();
}

// Two sockets of one instance are judged here as the kernel judges those that don't share: one wildcard is enough.
bool SharedPorts::taken_within(const std::string& instance, const Place& place, bool shares) const {
  const Inet wanted = inet_of(place.address);
  return std::ranges::any_of(members_, [&](const Member& member) {
    const Inet known = inet_of(member.place.address);
    if (member.instance != instance || known.port != wanted.port || (shares && member.shares)) return false;
    if (known.ipv4 && wanted.ipv4) return known.wildcard || wanted.wildcard || same_address(known, wanted);
    if (known.ipv4 || wanted.ipv4) {
      const auto& [six, only] =
          known.ipv4 ? std::pair(wanted, place.ipv6_only) : std::pair(known, member.place.ipv6_only);
      return six.wildcard && !only;
    }
    return known.wildcard || wanted.wildcard || same_address(known, wanted);
  });
}

bool SharedPorts::is_full(const std::string& instance) const {
  const auto count = std::ranges::count(members_, instance, &Member::instance);
  return static_cast<std::size_t>(count) >= kMostSockets;
}

int SharedPorts::bind(const std::string& instance, kernel::Fd socket, std::uint64_t inode,
                      std::span<const std::byte> address, const SocketUser& user) {
  look();  // what the app has closed a moment ago is free
  Member member{instance, inode, std::move(socket), {}, user, false, false};
  const int fd = member.socket.get();
  member.shares = option(fd, SOL_SOCKET, SO_REUSEPORT) != 0;
  member.place.ipv6_only = option(fd, SOL_SOCKET, SO_DOMAIN) == AF_INET6 && option(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0;
  std::memcpy(&member.place.address, address.data(), std::min(address.size(), sizeof member.place.address));
  if (taken_within(instance, member.place, member.shares)) return EADDRINUSE;
  const bool first = std::ranges::none_of(members_, [&](const Member& other) {
    return inet_of(other.place.address).port == inet_of(member.place.address).port;
  });
  // The first one finds out, by not sharing, whether somebody outside has the port: it must not share with strangers.
  if (!first) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &kOn, sizeof kOn);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(address.data()), static_cast<socklen_t>(address.size())) != 0) {
    const int error = errno;
    constexpr int kOff = 0;
    if (!first && !member.shares) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &kOff, sizeof kOff);
    return error;
  }
  if (first) (void)setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &kOn, sizeof kOn);
  socklen_t length = sizeof member.place.address;
  (void)getsockname(fd, reinterpret_cast<sockaddr*>(&member.place.address), &length);
  members_.push_back(std::move(member));
  return 0;
}

std::optional<int> SharedPorts::listen(std::uint64_t inode, int backlog) {
  const auto known = std::ranges::find(members_, inode, &Member::inode);
  if (known == members_.end()) return std::nullopt;
  if (::listen(known->socket.get(), backlog) != 0) return errno;
  if (!known->listens) {
    // It is the last one of its group from now on.
    std::rotate(known, known + 1, members_.end());
    members_.back().listens = true;
    balance(Place(members_.back().place));
  }
  return 0;
}

std::vector<sockaddr_storage> SharedPorts::listening(const std::string& instance) const {
  std::vector<sockaddr_storage> addresses;
  for (const Member& member : members_) {
    if (member.listens && member.instance == instance) addresses.push_back(member.place.address);
  }
  return addresses;
}

std::size_t SharedPorts::waiting(const std::string& instance) const {
  std::size_t sum = 0;
  for (const Member& member : members_) {
    if (!member.listens || member.instance != instance) continue;
    tcp_info info{};
    socklen_t length = sizeof info;
    // Of a socket that listens, this is the length of its queue (tcp_get_info in the kernel).
    if (getsockopt(member.socket.get(), IPPROTO_TCP, TCP_INFO, &info, &length) == 0) sum += info.tcpi_unacked;
  }
  return sum;
}

void SharedPorts::steer(std::uint16_t source_port, const std::string& instance) {
  const auto known = instances_.find(instance);
  if (known == instances_.end()) return;
  known->second.steered = source_port;
  balance_all();
}

void SharedPorts::stop_steering(const std::string& instance) {
  const auto known = instances_.find(instance);
  if (known == instances_.end() || !known->second.steered) return;
  known->second.steered.reset();
  balance_all();
}

void SharedPorts::look() {
  std::map<std::string, std::set<std::uint64_t>> lost;
  for (const Member& member : members_) {
    if (!member.user.has(member.inode)) lost[member.instance].insert(member.inode);
  }
  for (auto& [name, inodes] : lost) {
    const auto known = instances_.find(name);
    if (known == instances_.end()) continue;
    const FoundUsers found = find_users(inodes, known->second.processes(), false);
    for (const std::uint64_t inode : inodes) {
      const auto user = found.users.find(inode);
      const auto member = std::ranges::find(members_, inode, &Member::inode);
      if (user != found.users.end()) {
        member->user = user->second;
      } else if (found.complete) {
        drop(inode);
      }
    }
  }
}

// The kernel puts the last of a group into the place that becomes free (reuseport_detach_sock).
void SharedPorts::drop(std::uint64_t inode) {
  const auto gone = std::ranges::find(members_, inode, &Member::inode);
  if (gone == members_.end()) return;
  const Place place = gone->place;
  auto last = members_.end();
  for (auto at = gone + 1; gone->listens && at != members_.end(); ++at) {
    if (at->listens && at->place == place) last = at;
  }
  const auto empty = last == members_.end() ? gone : last;
  if (empty != gone) *gone = std::move(*empty);
  members_.erase(empty);
  balance(place);
}

void SharedPorts::balance(const Place& place) {
  std::vector<std::uint32_t> open;
  std::vector<kernel::Steering> steerings;
  std::set<std::string> steered;
  std::uint32_t index = 0;
  int any = -1;
  for (const Member& member : members_) {
    if (!member.listens || !(member.place == place)) continue;
    const auto instance = instances_.find(member.instance);
    if (instance != instances_.end()) {
      if (instance->second.open) open.push_back(index);
      const auto source = instance->second.steered;
      if (source && steered.insert(member.instance).second) steerings.push_back({*source, index});
    }
    any = member.socket.get();
    ++index;
  }
  // Where the kernel takes no program it spreads by its hash.
  if (any >= 0) (void)kernel::attach_balance(any, kernel::balance_program(open, steerings));
}

void SharedPorts::balance_all() {
  std::vector<Place> done;
  for (const Member& member : members_) {
    if (!member.listens || std::ranges::find(done, member.place) != done.end()) continue;
    done.push_back(member.place);
    balance(member.place);
  }
}

}  // namespace cofferdam::supervise
