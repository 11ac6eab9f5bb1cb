#include "harness/variables.hpp"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "kernel/fd.hpp"
#include "policy/engines.hpp"

namespace cofferdam::harness {
namespace {

// Below 32768, where the kernel's own choices begin (net.ipv4.ip_local_port_range).
constexpr unsigned kFirstPort = 20'000;
constexpr unsigned kPorts = 12'000;

bool is_port(std::string_view name) {
  return name == "PORT" ||
         (name.starts_with("PORT_") && name.size() > 5 && std::ranges::all_of(name.substr(5), [](char letter) {
            return (letter >= 'A' && letter <= 'Z') || (letter >= '0' && letter <= '9') || letter == '_';
          }));
}

bool can_be_bound(std::uint16_t port) {
  const kernel::Fd probe(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  return probe && bind(probe.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

bool is_of_an_engine(std::uint16_t port) {
  return std::ranges::any_of(policy::engines(), [&](const policy::Engine& engine) {
    return std::ranges::find(engine.ports, port) != engine.ports.end();
  });
}

}  // namespace

std::uint16_t free_port() {
  // Processes begin at different places, so that two of them rarely meet.
  static std::atomic<unsigned> next{static_cast<unsigned>(getpid()) * 97U};
  for (unsigned tries = 0; tries < kPorts; ++tries) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + next++ % kPorts);
    if (!is_of_an_engine(port) && can_be_bound(port)) return port;
  }
  return 0;
}

Variables::Variables(std::string directory, std::string scratch)
    : directory_(std::move(directory)), scratch_(std::move(scratch)), real_(true) {}

std::string Variables::value(std::string_view name) {
  if (name == "DIR") return directory_;
  if (name == "SCRATCH") return scratch_;
  auto found = ports_.find(name);
  if (found == ports_.end()) found = ports_.emplace(name, real_ ? free_port() : 65'535).first;
  return std::to_string(found->second);
}

std::string Variables::substitute(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t begin = text.find("${", at);
    const std::size_t end = begin == std::string_view::npos ? begin : text.find('}', begin);
    if (end == std::string_view::npos) {
      out += text.substr(at);
      break;
    }
    const std::string_view name = text.substr(begin + 2, end - begin - 2);
    const bool ours = is_port(name) || name == "DIR" || name == "SCRATCH";
    out += text.substr(at, begin - at);
    if (ours) {
      out += value(name);
      at = end + 1;
    } else {
      out += "${";
      at = begin + 2;
    }
  }
  return out;
}

policy::Node Variables::substitute(policy::Node node) {
  const bool only_port = node.text.starts_with("${") && node.text.ends_with('}') &&
                         is_port(std::string_view(node.text).substr(2, node.text.size() - 3));
  if (node.kind == policy::Node::Kind::scalar) node.text = substitute(std::string_view(node.text));
  node.variable = only_port;
  for (policy::Node& item : node.items) item = substitute(std::move(item));
  for (policy::Entry& entry : node.entries) entry.value = substitute(std::move(entry.value));
  return node;
}

}  // namespace cofferdam::harness
