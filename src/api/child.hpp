// Starting the cofferdam binary from a program of any kind: with threads, signal handlers and descriptors of its own.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::api {

struct ChildRequest {
  std::string binary;
  std::vector<std::string> arguments;    // after argv[0]
  std::vector<std::string> environment;  // NAME=value
  std::string working_directory;         // empty: ours
  std::vector<int> files;                // ours, for 0, 1, 2, ... of the child, which gets no others
};

struct Child {
  pid_t pid = -1;
  kernel::Fd pidfd;  // readable once it has ended
};

// posix_spawn(3): no code of this process runs in the child. Signals have their default there and none is blocked; its
// process group is its own, so Ctrl-C reaches it only through us. Errors name what was missing.
[[nodiscard]] Result<Child> spawn(const ChildRequest& request);

// Blocks until the child has ended. The status as a shell has it: 128 + N for signal N. Empty when somebody else has
// reaped it.
[[nodiscard]] std::optional<int> reap(const Child& child);

// The variables of this process without `unset`, with `set`, as NAME=value. Descriptors that a service manager has
// passed to us (LISTEN_FDS) are not the child's.
[[nodiscard]] std::vector<std::string> child_environment(const std::map<std::string, std::string>& set,
                                                         const std::vector<std::string>& unset);

struct Captured {
  int status = 0;  // see reap()
  std::string out;
  std::string err;
};
// Runs it to its end, without input; `files` is not looked at. Whoever takes longer, or writes more than 1 MiB, is
// killed, and that is an error.
[[nodiscard]] Result<Captured> capture(ChildRequest request, std::chrono::milliseconds timeout);

// What cofferdam says on stderr, without its name before each line.
[[nodiscard]] std::string own_words(const std::string& text);

}  // namespace cofferdam::api
