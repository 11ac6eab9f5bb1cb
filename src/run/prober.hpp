// Asks one instance again and again whether it is ready: ten times a second, and waits a second for each answer.
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "cofferdam/policy.hpp"
#include "run/readiness.hpp"
#include "supervise/shared_ports.hpp"

namespace cofferdam::run {

class Prober {
 public:
  using Clock = std::chrono::steady_clock;

  // What it asks comes to `instance` and to no other one that shares its port. `epoll` tells when an answer is there.
  Prober(const Readiness& readiness, supervise::SharedPorts& ports, std::string instance, int epoll);
  ~Prober();
  Prober(const Prober&) = delete;
  Prober& operator=(const Prober&) = delete;

  // Does what is due, without waiting. True when the instance is ready.
  [[nodiscard]] bool step(Clock::time_point now);
  // When it is to be called at the latest.
  [[nodiscard]] Clock::time_point due() const { return due_; }
  // Why it was not ready when it was asked last; empty before.
  [[nodiscard]] const std::string& last_refusal() const { return last_refusal_; }

 private:
  void ask();
  [[nodiscard]] bool go_on(bool in_time);

  const Readiness& readiness_;
  supervise::SharedPorts& ports_;
  std::string instance_;
  int epoll_;
  std::optional<Probe> probe_;  // under way
  Clock::time_point due_;
  std::string last_refusal_;
};

}  // namespace cofferdam::run
