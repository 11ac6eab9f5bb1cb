// The `logs` part of one policy file.
#pragma once

#include <functional>
#include <vector>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/logs.hpp"
#include "policy/document.hpp"
#include "policy/mistakes.hpp"
#include "policy/paths.hpp"

namespace cofferdam::policy {

// What the file says, as changes of what it extends, in order. Sinks are appended; one that is there already is not.
using LogLayer = std::vector<std::function<void(Logs&)>>;

// Of the value of `logs`, which validate() has seen. Reported here is what validate() can't know: keys that do not
// apply to a type of sink, addresses that are none, secrets in clear text.
[[nodiscard]] LogLayer read_logs(const Node& logs, const PathBase& base, bool shipped, Mistakes& mistakes);

// Sets what holds without a word in the policy and depends on more than one key: names, when_full, what a sentry sink
// gets. Returns what does not go together.
[[nodiscard]] std::vector<Diagnostic> complete_logs(Logs& logs);

}  // namespace cofferdam::policy
