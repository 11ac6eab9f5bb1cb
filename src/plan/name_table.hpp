// What is known of the host names of a policy: their addresses now and in this run, and when to ask again.
// No clock and no network of its own; both come in as arguments.
#pragma once

#include <chrono>
#include <map>
#include <string>
#include <vector>

#include "plan/lookups.hpp"

namespace cofferdam::plan {

class NameTable {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // An answer is good for its TTL, within these bounds; a name that could not be resolved is asked again after the
  // least.
  static constexpr std::chrono::seconds kLeastTtl{5};
  static constexpr std::chrono::seconds kMostTtl{300};
  // A connection to an address that nobody knows is a reason to ask before the TTL has passed, but no more often than
  // this: a database that moved is known to the app as soon as its own resolver has heard of it.
  static constexpr std::chrono::seconds kLeastPressing{1};
  // An address that an answer no longer has stays the name's for this long: names with many addresses show a few at a
  // time.
  static constexpr std::chrono::minutes kGrace{10};
  // Addresses that are remembered of one name; more, and the one not seen for longest goes.
  static constexpr std::size_t kMostAddresses = 256;

  void learn(const NameAnswer& answer, Time now);

  // Should it be asked for again? `pressing`: a verdict depends on it.
  [[nodiscard]] bool is_due(const std::string& host, Time now, bool pressing) const;

  // The addresses that the name stands for: of the last answer, and those within the grace. Empty when it has never
  // been resolved.
  [[nodiscard]] std::vector<IpAddress> current(const std::string& host, Time now) const;
  // All that it has stood for in this run.
  [[nodiscard]] std::vector<IpAddress> ever(const std::string& host) const;

 private:
  struct Seen {
    IpAddress address;
    Time last;
  };
  struct Name {
    std::vector<Seen> seen;  // the longest unseen first
    Time asked;
    Time answered;  // with addresses
    std::chrono::seconds ttl{0};
    bool failed = false;  // the last question
  };
  std::map<std::string, Name> names_;
};

}  // namespace cofferdam::plan
