// Everything that the child needs, as C strings and numbers: after clone nothing is allocated.
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <csignal>
#include <memory>
#include <string>
#include <vector>

#include "launch/shared.hpp"
#include "plan/plan.hpp"

namespace cofferdam::launch {

inline constexpr std::size_t kPidDigits = 10;

struct PreparedMount {
  const plan::PlannedMount* plan = nullptr;
  std::string tmpfs_options;  // "size=...,nr_inodes=...,mode=..."
  std::string scratch;        // overlay: the directory of its layers
};

// The three descriptors that the app gets, and its terminal: -1 is the terminal.
struct Stdio {
  int in = -1;
  int out = -1;
  int err = -1;
  int syslog = -1;        // local mode: a datagram socket without a name, to be bound to /dev/log; -1: there is none
  bool terminal = false;  // a pty of the instance's own, which becomes the controlling terminal
};

// What the launcher was started with and the app is to get, taken before the launcher changes its own.
struct Inherited {
  sigset_t signal_mask{};
  struct sigaction dispositions[32]{};  // of signals 1 to 31
  rlimit open_files{};
  mode_t umask = 022;
  int listen_sockets = 0;  // descriptors 3, 4, ..., see listen_sockets.hpp; take_inherited() leaves that to its caller
};
[[nodiscard]] Inherited take_inherited();

struct Prepared {
  const plan::Plan* plan = nullptr;
  std::vector<PreparedMount> mounts;
  std::vector<char*> argv;
  std::vector<char*> environment;
  // "LISTEN_PID=" and room for the number, which only the app itself knows; in `environment`. Null without sockets.
  std::unique_ptr<char[]> listen_pid;
  Stdio stdio;
  SharedPage* page = nullptr;
  int go_pipe = -1;      // read end: 'g' the maps are written (local mode), 'f' the filter is in the page
  int status_pipe = -1;  // write end: 'L' the listener is there and the app, 'I' the init has left our descriptor
                         // table, 'X' the app has ended and all are reaped
  int launcher_pidfd = -1;
  const Inherited* inherited = nullptr;
  int grace_milliseconds = 2000;  // for what is left after the app has ended
};

}  // namespace cofferdam::launch
