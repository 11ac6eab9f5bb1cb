// What instances that run side by side expect of each other's storage: a path that one has made and another looks for.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <unordered_map>

#include "cofferdam/event.hpp"
#include "supervise/look_audit.hpp"

namespace cofferdam::run {

// Memory is bounded: of more than kMostPaths made paths the later ones are not followed.
//   SharedState state; EventSink& sink = state.listen("web.1"); ... start it with `sink` ...; state.join("web.1",
//   looks);
class SharedState {
 public:
  static constexpr std::size_t kMostPaths = 20'000;

  SharedState() = default;
  SharedState(const SharedState&) = delete;
  SharedState& operator=(const SharedState&) = delete;

  // Takes the events of an instance; lives as long as this.
  [[nodiscard]] EventSink& listen(const std::string& instance);
  // `looks` is told from now on what the others have, until the instance leaves. What one has made stays
  // expected after its end: it is as much missing then.
  void join(const std::string& instance, supervise::LookAudit& looks);
  void leave(const std::string& instance);

 private:
  struct Listener : EventSink {
    Listener(SharedState& state, std::string name) : owner(state), instance(std::move(name)) {}
    void on_event(const Event& event) override { owner.on_event(instance, event); }
    SharedState& owner;
    std::string instance;
  };

  void on_event(const std::string& instance, const Event& event);
  void made(const std::string& instance, const std::string& path, const WriteEvent& write, const std::timespec& when);
  void removed(const std::string& instance, const std::string& path);

  std::map<std::string, std::unique_ptr<Listener>> listeners_;
  std::map<std::string, supervise::LookAudit*> looks_;  // by instance
  std::unordered_map<std::string, supervise::Leftover> made_;
};

}  // namespace cofferdam::run
