// What an engine asks of an OCI runtime, read from its command line.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace cofferdam::oci {

// As runc and crun take it: RUNTIME [GLOBAL-OPTION...] COMMAND [OPTION...] CONTAINER-ID [WORD...]
struct Call {
  enum class Kind {
    prepares,  // create, run, restore: the bundle's config.json is read next
    executes,  // exec: a further process in a container that runs
    other,     // nothing that a policy has to do with
  };
  Kind kind = Kind::other;
  std::string command;         // empty: only options, such as --version
  std::size_t command_at = 0;  // its index
  std::string bundle = ".";    // of create, run and restore
  std::string process;         // --process of exec; empty: the words after the id are the process
  bool terminal = false;       // --tty of exec
  std::string root;            // --root; empty: the runtime's default
  std::string log;             // --log; empty: stderr
  bool json_log = false;       // --log-format json
  std::string id;              // of the container; empty where none is named
};

// `arguments` are those after the runtime's own name. A command is found behind options that are not known here, too,
// so a new option can't hide one.
[[nodiscard]] Call parse_call(const std::vector<std::string>& arguments);

}  // namespace cofferdam::oci
