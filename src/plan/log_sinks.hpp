// The log sinks of a policy with the environment filled in, checked against its other rules.
#pragma once

#include <expected>
#include <map>
#include <string>
#include <vector>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/policy.hpp"
#include "plan/backing_services.hpp"
#include "plan/egress.hpp"

namespace cofferdam::plan {

// Replaces each env:NAME of address, headers and shared key by what `environment` (the app's, with environment.files)
// holds. All errors are reported, each at its sink's place: a variable that is unset or holds no address; with
// `egress: deny`, a server that network.allow does not name; a server where a database listens. No message shows
// a variable's value.
[[nodiscard]] std::expected<Logs, std::vector<Diagnostic>> log_sinks(
    const Logs& logs, const std::map<std::string, std::string>& environment, const EgressRules& egress,
    const DatabaseRules& database);

// Values of the variables that logs.parse.redact_values names, longest first, each once; none shorter than 6 bytes: it
// would be found everywhere.
[[nodiscard]] std::vector<std::string> log_secrets(const Logs& logs,
                                                   const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::plan
