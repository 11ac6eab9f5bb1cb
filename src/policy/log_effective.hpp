// The `logs` part of a policy as YAML.
#pragma once

#include "cofferdam/logs.hpp"
#include "policy/effective_text.hpp"

namespace cofferdam::policy {

// Adds lines that load to the same again.
void effective_logs(const Logs& logs, EffectiveLines& lines);

}  // namespace cofferdam::policy
