#include "cli/console.hpp"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string_view>

namespace cofferdam::cli {

bool want_colour(int fd) {
  const char* never = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  return isatty(fd) != 0 && (never == nullptr || *never == '\0') && terminal != nullptr &&
         std::string_view(terminal) != "dumb";
}

void set_up_console(int verbosity) {
  auto sink = std::make_shared<spdlog::sinks::ansicolor_stderr_sink_st>(
      want_colour(STDERR_FILENO) ? spdlog::color_mode::always : spdlog::color_mode::never);
  auto logger = std::make_shared<spdlog::logger>("cofferdam", std::move(sink));
  logger->set_pattern("cofferdam: %^%v%$");
  logger->set_level(verbosity > 1 ? spdlog::level::trace : verbosity > 0 ? spdlog::level::debug : spdlog::level::info);
  if (const char* level = std::getenv("COFFERDAM_LOG"); level != nullptr && *level != '\0') {
    logger->set_level(spdlog::level::from_str(level));
  }
  spdlog::set_default_logger(std::move(logger));
}

void say(Severity severity, const std::string& text) {
  switch (severity) {
    case Severity::error: spdlog::error("{}", text); return;
    case Severity::warning: spdlog::warn("{}", text); return;
    case Severity::note: spdlog::info("{}", text); return;
  }
}

int report_error(const Error& error) {
  spdlog::error("{}", error.message);
  return error.exit_code;
}

std::map<std::string, std::string> environment_map() {
  std::map<std::string, std::string> variables;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view variable = *entry;
    const std::size_t equals = variable.find('=', 1);
    if (equals != std::string_view::npos) variables.emplace(variable.substr(0, equals), variable.substr(equals + 1));
  }
  return variables;
}

}  // namespace cofferdam::cli
