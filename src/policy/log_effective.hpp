// The `logs` part of a policy as YAML.
#pragma once

#include <string>

#include "cofferdam/logs.hpp"

namespace cofferdam::policy {

// Lines that load to the same again; nothing for what holds anyway, and nothing at all when all of it does.
[[nodiscard]] std::string effective_logs(const Logs& logs);

}  // namespace cofferdam::policy
