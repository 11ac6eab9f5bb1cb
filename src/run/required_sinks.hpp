// Sinks without which the app does not start.
#pragma once

#include "cofferdam/result.hpp"
#include "logs/pump.hpp"

namespace cofferdam::run {

// Reaches the server of each sink that says `require`, in a process of its own that is confined as the pump is: what
// servers answer is read there. Waits as long as the sinks' `timeout`, or until `signals` (a signalfd) has one that
// asks for the end. The error names the sink, its place in the policy and why.
[[nodiscard]] Result<void> reach_required_sinks(const logs::PumpConfig& config, int signals);

}  // namespace cofferdam::run
