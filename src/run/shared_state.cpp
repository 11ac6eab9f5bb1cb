#include "run/shared_state.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "run/leftovers.hpp"

namespace cofferdam::run {

namespace {

constexpr std::array<std::string_view, 3> kRemoving = {"unlink", "rmdir", "rename"};

bool removes(std::string_view call) {
  return std::ranges::any_of(kRemoving, [&](std::string_view prefix) { return call.starts_with(prefix); });
}

std::string type_of(std::string_view call) {
  if (call.starts_with("mkdir")) return "directory";
  return call.starts_with("symlink") ? "symlink" : call.starts_with("bind") ? "socket" : "file";
}

}  // namespace

EventSink& SharedState::listen(const std::string& instance) {
  auto& listener = listeners_[instance];
  if (!listener) listener = std::make_unique<Listener>(*this, instance);
  return *listener;
}

void SharedState::join(const std::string& instance, supervise::LookAudit& looks) {
  looks_[instance] = &looks;
  for (const auto& [path, left] : made_) looks.expect(left);
}

void SharedState::leave(const std::string& instance) {
  looks_.erase(instance);
}

void SharedState::on_event(const std::string& instance, const Event& event) {
  const auto* write = std::get_if<WriteEvent>(&event.body);
  if (write == nullptr || write->outcome != WriteOutcome::landed) return;
  if (removes(write->call)) removed(instance, write->path);
  if (makes_something(write->call)) {
    made(instance, write->to.empty() ? write->path : write->to, *write, event.ts);
  }
}

// What the project has is there for all. An event tells of the call before it runs, so how much is in it is not known:
// it counts as something.
void SharedState::made(const std::string& instance, const std::string& path, const WriteEvent& write,
                       const std::timespec& when) {
  if (made_.contains(path) || made_.size() >= kMostPaths || access(path.c_str(), F_OK) == 0) return;
  supervise::Leftover left;
  left.what = {.path = path, .type = type_of(write.call), .change = Change::created, .bytes = 1};
  left.writer = write.process;
  left.call = write.call;
  left.when = when;
  left.instance = instance;
  for (const auto& [other, looks] : looks_) {
    if (other != instance) looks->expect(left);
  }
  made_.emplace(path, std::move(left));
}

void SharedState::removed(const std::string& instance, const std::string& path) {
  const auto known = made_.find(path);
  if (known == made_.end() || known->second.instance != instance) return;
  made_.erase(known);
  for (const auto& [other, looks] : looks_) {
    if (other != instance) looks->forget(path);
  }
}

}  // namespace cofferdam::run
