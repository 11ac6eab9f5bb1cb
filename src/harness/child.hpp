// Commands that a test starts outside of any instance: cofferdam itself, services, drivers.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::harness {

using Clock = std::chrono::steady_clock;

// What is kept of one stream of a child; more is read and thrown away.
inline constexpr std::size_t kMostOutput = 16U << 20;

struct ChildRequest {
  std::string program = {};  // executed as it is
  std::vector<std::string> argv;
  std::map<std::string, std::string> environment;
  std::string directory;
  std::string stdin_file = {};  // empty: /dev/null
};

// A process in a group of its own, whose output is read into memory. It dies with the thread that started it.
class Child {
 public:
  [[nodiscard]] static Result<std::unique_ptr<Child>> start(const ChildRequest& request);
  // Kills the group.
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  [[nodiscard]] const std::string& out() const { return out_; }
  [[nodiscard]] const std::string& err() const { return err_; }
  [[nodiscard]] bool ended() const { return ended_; }  // as of the last wait
  // As a shell has it: 128 + signal. Only after it has ended.
  [[nodiscard]] int code() const { return code_; }
  [[nodiscard]] bool stopped_by_us() const { return signalled_; }
  void signal(int number);  // to the process alone
  void kill_group();

 private:
  friend bool wait_until(std::span<Child* const>, Clock::time_point, int, const std::function<bool()>&);
  Child() = default;
  void read_some(kernel::Fd& from, std::string& to);
  void reap();

  kernel::Fd pidfd_;
  kernel::Fd out_fd_;
  kernel::Fd err_fd_;
  std::string out_;
  std::string err_;
  pid_t pid_ = 0;
  int code_ = 0;
  bool ended_ = false;
  bool signalled_ = false;
};

// Reads the output of the children until `done` (asked after each event, and every 10 ms), the deadline, or until
// `interrupt` is readable. Whether `done` came true.
bool wait_until(std::span<Child* const> children, Clock::time_point deadline, int interrupt,
                const std::function<bool()>& done);

// The first of the directories of `search` (as PATH has them) in which `name` can be executed; `name` itself where it
// has a slash. Empty: nowhere.
[[nodiscard]] std::string find_program(const std::string& name, const std::string& search);

}  // namespace cofferdam::harness
