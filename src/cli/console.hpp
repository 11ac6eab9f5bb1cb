// cofferdam's own text: on stderr, by spdlog, with colour only on a terminal and never with NO_COLOR.
#pragma once

#include <map>
#include <set>
#include <string>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/event.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam::cli {

// Sets the logger up; `level` of COFFERDAM_LOG (trace, debug, info, warn, error) or -v.
void set_up_console(int verbosity);

void say(Severity severity, const std::string& text);
// Prints the error and returns its exit code.
int report_error(const Error& error);

[[nodiscard]] bool want_colour(int fd);
[[nodiscard]] std::map<std::string, std::string> environment_map();

// Tells of refusals while the app runs, each once; the rest waits for the summary.
class LiveFindings : public EventSink {
 public:
  void on_event(const Event& event) override;

 private:
  std::set<std::string> shown_;
};

}  // namespace cofferdam::cli
