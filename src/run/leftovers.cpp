#include "run/leftovers.hpp"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace cofferdam::run {

namespace {

// Calls that bring content or a name; chmod and its like come after, and are not who wrote it.
constexpr std::array<std::string_view, 8> kMaking = {"open", "creat", "rename",  "link",
                                                     "mk",   "bind",  "symlink", "truncate"};

bool is_file(const ScannedChange& change) {
  return change.type == "file" || change.type == "symlink";
}

}  // namespace

bool makes_something(std::string_view call) {
  return std::ranges::any_of(kMaking, [&](std::string_view prefix) { return call.starts_with(prefix); });
}

void Leftovers::on_event(const Event& event) {
  const auto* write = std::get_if<WriteEvent>(&event.body);
  if (write == nullptr || write->outcome != WriteOutcome::landed || !makes_something(write->call)) return;
  const std::string& path = write->to.empty() ? write->path : write->to;
  if (last_.size() >= kMostPaths && !last_.contains(path)) return;
  last_.insert_or_assign(path, Written{write->process, write->call, event.ts});
}

void Leftovers::visit(const ScannedChange& change) {
  const bool asked_for = is_file(change) || change.type == "directory" || change.type == "socket";
  if (!asked_for || change.change == Change::metadata) return;
  if (left_.size() >= kMostPaths) {
    incomplete_ = true;
    return;
  }
  const Written* written = writer_of(change.path);
  left_.push_back(written == nullptr ? supervise::Leftover{change, nullptr, {}, {}}
                                     : supervise::Leftover{change, written->process, written->call, written->when});
}

// A directory that was renamed brings what it holds.
const Leftovers::Written* Leftovers::writer_of(const std::string& path) const {
  for (std::string at = path; at.size() > 1; at.resize(std::max<std::size_t>(at.rfind('/'), 1))) {
    if (const auto known = last_.find(at); known != last_.end()) return &known->second;
  }
  return nullptr;
}

std::vector<supervise::Leftover> Leftovers::take() {
  return std::exchange(left_, {});
}

std::size_t count_files(const std::vector<supervise::Leftover>& leftovers) {
  return static_cast<std::size_t>(std::ranges::count_if(leftovers, [](const supervise::Leftover& left) {
    return is_file(left.what) && left.what.change != Change::deleted;
  }));
}

}  // namespace cofferdam::run
