// Sees which directories outside of the policy's mounts an application writes to.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/policy.hpp"
#include "learn/places.hpp"

namespace cofferdam::learn {

// Memory is bounded: of more than kMostPlaces directories (by program) the later ones are not followed.
class WriteObserver : public EventSink {
 public:
  static constexpr std::size_t kMostPlaces = 20'000;

  explicit WriteObserver(const Storage& storage) : storage_(storage) {}

  void on_event(const Event& event) override;

  // A path beneath no mount of the policy, and none that its report ignores.
  [[nodiscard]] bool is_outside(const std::string& path) const;
  [[nodiscard]] std::vector<Written> writes() const;
  [[nodiscard]] bool has_missed_some() const { return missed_; }

 private:
  void note(const std::string& path, const WriteEvent& write);

  const Storage& storage_;
  std::map<std::pair<std::string, std::string>, Written> seen_;  // by directory and program
  bool missed_ = false;
};

// "gunicorn", of a process that may be null.
[[nodiscard]] std::string program_of(const ProcessRef& process);

}  // namespace cofferdam::learn
