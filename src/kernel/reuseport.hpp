// Who of several sockets that listen on one port gets the next connection: a classic BPF program that the kernel asks
// (SO_ATTACH_REUSEPORT_CBPF, socket(7), Linux 4.5). Needs no privilege.
#pragma once

#include <linux/filter.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace cofferdam::kernel {

// Connections that come from this TCP port go to that socket, whoever else is open: for probes.
struct Steering {
  std::uint16_t source_port = 0;
  std::uint32_t index = 0;
};

// More open sockets than that are not told apart, the kernel then spreads over all by its hash.
inline constexpr std::size_t kMostBalanced = 1024;

// A program that picks one of `open` at random. An index is the place of a socket in its group: the order in which they
// began to listen; where one leaves, the last one takes its place.
[[nodiscard]] std::vector<sock_filter> balance_program(std::span<const std::uint32_t> open,
                                                       std::span<const Steering> steerings);

// Replaces the program of the group that `socket` listens in. 0 or an errno. Attach only after listen(): a socket that
// has a program before it listens is in a group of its own, and the others get EADDRINUSE.
[[nodiscard]] int attach_balance(int socket, const std::vector<sock_filter>& program) noexcept;

}  // namespace cofferdam::kernel
