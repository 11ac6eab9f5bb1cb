// From a sink of the policy to what writes or sends.
#pragma once

#include <memory>

#include "cofferdam/result.hpp"
#include "logs/pump.hpp"
#include "logs/sinks/open.hpp"
#include "logs/sinks/sender.hpp"
#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// Of a console or file that is written at once.
[[nodiscard]] std::unique_ptr<Sink> make_direct_sink(const OpenSink& opened, const PumpConfig& config);

// Of a sink with a queue. Errors are for people: what in the policy can't work here.
[[nodiscard]] Result<std::unique_ptr<Sender>> make_sender(const OpenSink& opened, const PumpConfig& config);

}  // namespace cofferdam::logs
