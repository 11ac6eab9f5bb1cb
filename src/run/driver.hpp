// The driver of a rehearsal: a command line of the user's, outside of the instance, that does what visitors would.
#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "kernel/fd.hpp"
#include "launch/prepared.hpp"
#include "run/loop.hpp"

namespace cofferdam::run {

class Driver {
 public:
  // Starts `/bin/sh -c COMMAND` in a process group of its own. Its stdin is /dev/null, its output goes to stderr, where
  // it can't be taken for the app's records.
  [[nodiscard]] static Result<std::unique_ptr<Driver>> start(const std::string& command,
                                                             const std::map<std::string, std::string>& environment,
                                                             const launch::Inherited& inherited);
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;
  // Kills what still runs of it.
  ~Driver();

  // Readable when it has ended.
  [[nodiscard]] int pidfd() const { return pidfd_.get(); }
  // Asks, without waiting.
  [[nodiscard]] bool ended();
  // 128 + signal when a signal ended it. Only after it has ended.
  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] OwnChild& as_child() { return child_; }

 private:
  Driver() = default;
  bool reap(int flags);

  kernel::Fd pidfd_;
  pid_t pid_ = 0;
  bool ended_ = false;
  int code_ = 0;
  OwnChild child_;
};

}  // namespace cofferdam::run
