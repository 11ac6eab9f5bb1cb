#include "logs/level.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::logs {
namespace {

TEST(DetectLevel, ReadsWhatProgramsWrite) {
  const std::pair<const char*, LogLevel> cases[] = {
      {"<0>panic", LogLevel::critical},
      {"<3>no", LogLevel::error},
      {"<6>ok", LogLevel::info},
      {"<7>x", LogLevel::debug},
      {"<9>x", LogLevel::info},
      {"ERROR: broken", LogLevel::error},
      {"Error: listen EADDRINUSE", LogLevel::error},
      {"warning: unused", LogLevel::warning},
      {"[2026-01-31 12:00:00 +0000] [7] [ERROR] Worker failed", LogLevel::error},
      {"2026/01/31 12:00:00 [error] 7#7: *1 connect() failed", LogLevel::error},
      {"2026-01-31 12:00:00,123 WARNING django.request: Not Found: /x", LogLevel::warning},
      {"2026-01-31T12:00:00Z  WARN app: slow", LogLevel::warning},
      {"[2026-01-31T12:00:00Z ERROR app] no", LogLevel::error},
      {"DEBUG:root:x", LogLevel::debug},
      {"FATAL:  role \"x\" does not exist", LogLevel::critical},
      {"level=warn msg=\"x\"", LogLevel::warning},
      {"time=12 level=error msg=x", LogLevel::error},
      {R"({"level":"error","msg":"x"})", LogLevel::error},
      {R"({"severity": "WARNING"})", LogLevel::warning},
      {"INFO  handled one ERROR", LogLevel::info},
      {"no ERROR here", LogLevel::error},
      {"nothing ERROR here", LogLevel::info},
      {"GET /ERROR 200", LogLevel::info},
      {"INFORMATION", LogLevel::info},
      {"Errors: 0", LogLevel::info},
      {"", LogLevel::info},
      {"<", LogLevel::info},
      {"[", LogLevel::info}};
  for (const auto& [line, level] : cases) EXPECT_STREQ(to_string(detect_level(line)), to_string(level)) << line;
  EXPECT_EQ(detect_level(std::string(64, ' ') + "ERROR"), LogLevel::info);
  EXPECT_EQ(detect_level(std::string(60, ' ') + "ERRORS"), LogLevel::info);
}

}  // namespace
}  // namespace cofferdam::logs
