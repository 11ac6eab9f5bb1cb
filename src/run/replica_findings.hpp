// What is said about instances that crash, are not ready, or can't be replaced.
#pragma once

#include <string>

#include "cofferdam/event.hpp"
#include "cofferdam/policy.hpp"

namespace cofferdam::run {

// `status`: as waitpid(2) gives it.
[[nodiscard]] Finding restarted_finding(const std::string& instance, int status, bool was_ready);
// `why`: of the last probe.
[[nodiscard]] Finding unready_finding(const std::string& instance, const Readiness& readiness, const std::string& why);
[[nodiscard]] Finding kept_finding(const std::string& kept, const std::string& replacement, const std::string& why);

}  // namespace cofferdam::run
