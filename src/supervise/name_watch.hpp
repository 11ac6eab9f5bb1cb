// Follows the host names of the policy while the app runs: a name is asked for again when a connection makes it matter
// and its answer has expired, so a run without connections asks nobody. Never blocks.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "plan/lookups.hpp"
#include "plan/name_table.hpp"
#include "supervise/verdict.hpp"

namespace cofferdam::supervise {

class NameWatch {
 public:
  // `names` holds the answers of the start, `hosts` all that may be asked for.
  NameWatch(plan::NameTable names, const std::vector<std::string>& hosts, std::vector<plan::IpAddress> own,
            plan::ResolverOptions options);

  [[nodiscard]] const NetworkView& network() const { return network_; }

  // Asks for each of these that is due. True while an answer is outstanding that the verdict should wait for;
  // kLongestWait at most.
  static constexpr std::chrono::milliseconds kLongestWait{2000};
  bool must_wait_for(const std::vector<std::string>& hosts);
  void refresh(const std::vector<std::string>& hosts);

  [[nodiscard]] int poll_fd() const { return lookups_.poll_fd(); }
  // True when an answer has come since.
  bool work();
  [[nodiscard]] std::chrono::milliseconds next_look() const { return lookups_.next_look(); }

 private:
  void show(const std::string& host);

  plan::NameTable names_;
  plan::Lookups lookups_;
  NetworkView network_;
};

}  // namespace cofferdam::supervise
