#include "kernel/reuseport.hpp"

#include <sys/socket.h>

#include <cerrno>

namespace cofferdam::kernel {

namespace {

constexpr auto kAncillary = [](int offset) { return static_cast<std::uint32_t>(SKF_AD_OFF + offset); };
constexpr auto kNetworkHeader = static_cast<std::uint32_t>(SKF_NET_OFF);
constexpr std::uint32_t kIpv6HeaderSize = 40;

void add(std::vector<sock_filter>& program, int code, std::uint32_t value, std::uint8_t if_true = 0,
         std::uint8_t if_false = 0) {
  program.push_back({static_cast<std::uint16_t>(code), if_true, if_false, value});
}

// The program starts behind the TCP header; the network header is reached from its own start. A socket of IPv6 may be
// asked about a packet of IPv4.
void add_steering(std::vector<sock_filter>& program, std::span<const Steering> steerings) {
  add(program, BPF_LD | BPF_B | BPF_ABS, kNetworkHeader);
  add(program, BPF_ALU | BPF_RSH | BPF_K, 4);
  add(program, BPF_JMP | BPF_JEQ | BPF_K, 6, 0, 2);
  add(program, BPF_LDX | BPF_W | BPF_IMM, kIpv6HeaderSize);
  add(program, BPF_JMP | BPF_JA, 1);
  add(program, BPF_LDX | BPF_B | BPF_MSH, kNetworkHeader);
  add(program, BPF_LD | BPF_H | BPF_IND, kNetworkHeader);
  for (const Steering& steering : steerings) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, steering.source_port, 0, 1);
    add(program, BPF_RET | BPF_K, steering.index);
  }
}

}  // namespace

std::vector<sock_filter> balance_program(std::span<const std::uint32_t> open, std::span<const Steering> steerings) {
  std::vector<sock_filter> program;
  if (!steerings.empty()) add_steering(program, steerings);
  if (open.empty() || open.size() > kMostBalanced) {
    add(program, BPF_RET | BPF_K, UINT32_MAX);  // no such socket: the kernel's hash decides
    return program;
  }
  add(program, BPF_LD | BPF_W | BPF_ABS, kAncillary(SKF_AD_RANDOM));
  add(program, BPF_ALU | BPF_MOD | BPF_K, static_cast<std::uint32_t>(open.size()));
  for (std::uint32_t i = 0; i + 1 < open.size(); ++i) {
    add(program, BPF_JMP | BPF_JEQ | BPF_K, i, 0, 1);
    add(program, BPF_RET | BPF_K, open[i]);
  }
  add(program, BPF_RET | BPF_K, open.back());
  return program;
}

int attach_balance(int socket, const std::vector<sock_filter>& program) noexcept {
  const sock_fprog attached{static_cast<unsigned short>(program.size()), const_cast<sock_filter*>(program.data())};
  return setsockopt(socket, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &attached, sizeof attached) == 0 ? 0 : errno;
}

}  // namespace cofferdam::kernel
