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
// `egress: deny`, a server that network.allow does not name; a server or socket that counts as a database; a ca_file
// that can't be read. No message shows a variable's value.
[[nodiscard]] std::expected<Logs, std::vector<Diagnostic>> log_sinks(
    const Logs& logs, const std::map<std::string, std::string>& environment, const EgressRules& egress,
    const DatabaseRules& database);

// The same for what stands in the policy itself, before anybody knows the environment: no env:NAME is looked up, and no
// file.
[[nodiscard]] std::vector<Diagnostic> check_log_sinks(const Policy& policy);

// Values that no record may show, longest first, each once; none shorter than 6 bytes: it would be found everywhere.
// Those of the variables that logs.parse.redact_values names and, where anything is redacted, those that the sinks
// themselves sign on with. `logs` with or without the environment filled in.
[[nodiscard]] std::vector<std::string> log_secrets(const Logs& logs,
                                                   const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::plan
