// The variables of policy tests: ${PORT} and ${PORT_name} (free ports), ${DIR} (the case's directory) and ${SCRATCH} (a
// directory beside it). Every other ${...} stays as it is: it is the shell's.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "policy/document.hpp"

namespace cofferdam::harness {

// Values by name. Ports are chosen when they are first asked for.
class Variables {
 public:
  // For reading a file: every port is 65535, and the directories are /.
  Variables() = default;
  // For running a case.
  Variables(std::string directory, std::string scratch);

  [[nodiscard]] std::string substitute(std::string_view text);
  // All scalars of the tree. One that is a port and nothing else is marked (Node::variable).
  [[nodiscard]] policy::Node substitute(policy::Node node);

 private:
  [[nodiscard]] std::string value(std::string_view name);

  std::string directory_ = "/";
  std::string scratch_ = "/";
  bool real_ = false;
  std::map<std::string, std::uint16_t, std::less<>> ports_;
};

// A TCP port on which nobody listens, that belongs to no database engine, lies outside of the range that the kernel
// gives out by itself, and was not returned before by this process. Safe from several threads. 0 when there is none.
[[nodiscard]] std::uint16_t free_port();

}  // namespace cofferdam::harness
