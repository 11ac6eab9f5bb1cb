// The JSON of what reports and events share.
#pragma once

#include <span>
#include <string>

#include "base/json.hpp"
#include "cofferdam/event.hpp"

namespace cofferdam::report {

// {"pid","exe","argv","lineage"}; null for no process.
void write_process(base::JsonWriter& json, const ProcessRef& process);
// The keys of a process without the braces around them.
void write_process_keys(base::JsonWriter& json, const ProcessInfo& process);
void write_enforcement(base::JsonWriter& json, std::span<const EnforcementRow> rows);
void write_strings(base::JsonWriter& json, std::span<const std::string> strings);
// code, severity, message, fix, policy, process, path, destination; what is not known is null.
void write_finding_keys(base::JsonWriter& json, const Finding& finding);
// A string, or null when it is empty.
void write_optional(base::JsonWriter& json, const std::string& text);

}  // namespace cofferdam::report
