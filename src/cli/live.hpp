// What is told on stderr while the app runs.
#pragma once

#include <set>
#include <string>

#include "cofferdam/event.hpp"

namespace cofferdam::cli {

// Tells of refusals and warnings, each once and 20 at most; the rest waits for the summary. At the level debug (-v)
// also of starts, connections, writes that failed and ends, one line an event; at trace of every write. Keeps no event.
class LiveEvents : public EventSink {
 public:
  void on_event(const Event& event) override;

 private:
  void tell(const Finding& finding);

  std::set<std::string> shown_;
};

}  // namespace cofferdam::cli
