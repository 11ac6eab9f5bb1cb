// What cofferdam finds, as records for the sinks that want them.
#pragma once

#include "cofferdam/event.hpp"
#include "run/pump_process.hpp"

namespace cofferdam::run {

// Findings (their severity is the level) and the end of the app by a signal. An event sink of one instance.
class OwnRecords : public EventSink {
 public:
  // Nothing is told before.
  void tell_to(PumpProcess* pump) { pump_ = pump; }
  void on_event(const Event& event) override;
  void tell(const Finding& finding);

 private:
  PumpProcess* pump_ = nullptr;
};

}  // namespace cofferdam::run
