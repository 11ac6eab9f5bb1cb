// What a policy should say, concluded from a run.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "cofferdam/policy.hpp"
#include "cofferdam/report.hpp"
#include "learn/places.hpp"

namespace cofferdam::learn {

// One row of a list, as YAML, with the sentences that stand above it. One that is not proposed stands as a comment.
struct Advice {
  std::string row;
  std::string why;
  bool proposed = true;
};

// A row of storage.mounts; `type` is left out where the policy that is extended has a row for the path.
struct MountAdvice {
  std::string written;  // the path
  bool known = false;
  std::uint64_t size = 0;  // bytes
  std::string why;
};

struct Lesson {
  std::vector<Advice> also;
  std::vector<MountAdvice> mounts;
  std::vector<Advice> databases;
  std::vector<Advice> sockets;
  std::vector<Advice> egress;
  std::vector<std::string> places;    // that were written and that no row can give, a paragraph each
  std::vector<std::string> findings;  // that remain under the new policy, a paragraph each
  std::uint64_t memory = 0;           // bytes at most, 0: unknown

  // Rows that make the policy allow or hold more than it did.
  [[nodiscard]] std::size_t additions() const;
};

// What a run has shown. The functions are of Naming (naming.hpp).
struct Observed {
  const Policy& policy;  // that the new one extends
  const Report& report;  // of a permissive run
  std::vector<Written> writes;
  bool more_writes = false;  // than could be followed
  Bounds bounds;
  std::function<std::string(const std::string&)> variable_of;
  std::function<std::string(const std::string&)> mentioned_by;
  std::function<std::string(const std::string&)> name_of;
  std::function<bool(const std::string&)> may_leave;
};

[[nodiscard]] Lesson conclude(const Observed& observed);

}  // namespace cofferdam::learn
