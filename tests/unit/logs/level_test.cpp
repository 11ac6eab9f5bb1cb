#include "logs/level.hpp"

#include <gtest/gtest.h>

#include <string>

namespace cofferdam::logs {
namespace {

const char* name_of(std::optional<LogLevel> level) {
  return level ? to_string(*level) : "none";
}

struct Case {
  const char* line;
  const char* level;
};

// The first line that each logger writes, as it is set up without any configuration unless it says so.
TEST(FindLevel, OfTheLoggersThatPeopleUse) {
  const Case cases[] = {
      // sd-daemon
      {"<0>panic", "critical"},
      {"<3>no", "error"},
      {"<6>ok", "info"},
      {"<7>x", "debug"},
      // Python: logging.basicConfig(), the usual format, gunicorn, uvicorn, Celery, loguru
      {"WARNING:root:slow", "warning"},
      {"2026-01-31 12:00:00,123 WARNING django.request: Not Found: /x", "warning"},
      {"2026-01-31 12:00:00,123 - shop.cart - ERROR - refused", "error"},
      {"2026-01-31 12:00:00,123 shop ERROR refused", "error"},
      {"[2026-01-31 12:00:00 +0000] [7] [ERROR] Worker failed", "error"},
      {"[2026-01-31 12:00:00 +0000] [7] [CRITICAL] WORKER TIMEOUT (pid:8)", "critical"},
      {"INFO:     Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)", "info"},
      {"ERROR:    Exception in ASGI application", "error"},
      {"\x1b[32mINFO\x1b[0m:     Started server process [\x1b[36m7\x1b[0m]", "info"},
      {"\x1b[31mERROR\x1b[0m:    Exception in ASGI application", "error"},
      {"[2026-01-31 12:00:00,123: ERROR/MainProcess] consumer: Cannot connect to redis", "error"},
      {"[2026-01-31 12:00:00,123: WARNING/ForkPoolWorker-1] slow", "warning"},
      {"2026-01-31 12:00:00.123 | ERROR    | __main__:<module>:3 - refused", "error"},
      {"[31/Jan/2026 12:00:00] \"GET /ERROR HTTP/1.1\" 200 12", "none"},
      {"127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] \"GET / HTTP/1.1\" 500 12", "none"},
      // Java: logback, Spring Boot, Log4j 2, java.util.logging, Tomcat, Kafka, Elasticsearch, Maven
      {"12:00:00.123 [main] ERROR com.example.App - refused", "error"},
      {"12:00:00.123 [http-nio-8080-exec-1] WARN  com.example.App - slow", "warning"},
      {"2026-01-31T12:00:00.123+01:00  WARN 7 --- [           main] c.e.App  : slow", "warning"},
      {"2026-01-31 12:00:00,123 main ERROR Unable to locate appender", "error"},
      {"SEVERE: refused", "error"},
      {"FINE: refused", "debug"},
      {"31-Jan-2026 12:00:00.123 SEVERE [main] org.apache.catalina.core refused", "error"},
      {"31-Jan-2026 12:00:00.123 FINE [main] org.apache.catalina.core x", "debug"},
      {"[2026-01-31 12:00:00,123] ERROR [KafkaServer id=0] Fatal error (kafka.Server)", "error"},
      {"[2026-01-31T12:00:00,123][WARN ][o.e.b.Bootstrap] [node] x", "warning"},
      {"[WARNING] Using platform encoding", "warning"},
      {"[ERROR] COMPILATION ERROR :", "error"},
      {"[info] play.api.Play - Application started (Dev)", "info"},
      // Go: klog, slog, log/slog's default, logrus (both), zap's console, hclog, zerolog's console
      {"I1122 10:00:00.123456    1234 file.go:12] started", "info"},
      {"W1122 10:00:00.123456 1234 file.go:12] slow", "warning"},
      {"E1122 10:00:00.123456 1234 file.go:12] refused", "error"},
      {"F1122 10:00:00.123456 1234 file.go:12] gone", "critical"},
      {"E20261122 10:00:00.123456 1234 file.cc:12] refused", "error"},
      {"time=2026-01-31T12:00:00.000Z level=ERROR msg=refused", "error"},
      {"time=2026-01-31T12:00:00.000Z level=WARN+1 msg=refused", "warning"},
      {"2026/01/31 12:00:00 WARN slow k=v", "warning"},
      {"time=\"2026-01-31T12:00:00Z\" level=fatal msg=\"no\"", "critical"},
      {"ERRO[0000] refused                              k=v", "error"},
      {"\x1b[31mERRO\x1b[0m[0000] refused", "error"},
      {"2026-01-31T12:00:00.123Z\tERROR\tapp/main.go:12\trefused", "error"},
      {"1.7e+09\twarn\tapp/main.go:12\tslow", "warning"},
      {"2026-01-31T12:00:00.123Z [WARN]  agent: slow", "warning"},
      {"10:00AM ERR refused error=EOF", "error"},
      {"2026-01-31T12:00:00Z WRN slow", "warning"},
      {"panic: runtime error: index out of range [3] with length 3", "critical"},
      {"fatal error: all goroutines are asleep - deadlock!", "critical"},
      // JavaScript: console.error(err), npm before and after version 10
      {"Error: listen EADDRINUSE: address already in use :::3000", "error"},
      {"npm ERR! code ENOENT", "error"},
      {"npm error code E404", "error"},
      {"npm WARN deprecated x@1", "warning"},
      {"npm warn deprecated x@1", "warning"},
      {"[INFO] 10:00:00 ts-node-dev ver. 2.0.0", "info"},
      // JSON: pino, winston, logstash, Monolog, Serilog
      {R"({"level":50,"time":1,"pid":7,"msg":"[INFO] x"})", "error"},
      {R"({"level":"warn","message":"x"})", "warning"},
      {R"({"@timestamp":"2026","log.level":"ERROR","message":"x"})", "error"},
      {R"({"severity": "WARNING"})", "warning"},
      {R"({"message":"x","context":{},"level":400,"level_name":"ERROR"})", "error"},
      {R"({"message":"ERROR [ERROR]"})", "none"},
      {R"({"level":null})", "none"},
      {R"({"level":9999})", "none"},
      // Ruby: Logger, Sidekiq
      {"E, [2026-01-31T12:00:00.123456 #7] ERROR -- : refused", "error"},
      {"I, [2026-01-31T12:00:00.123456 #7]  INFO -- : ok", "info"},
      {"D, [2026-01-31T12:00:00.123456 #7] DEBUG -- shop: ok", "debug"},
      {"2026-01-31T12:00:00.123Z pid=7 tid=gndx INFO: Booting Sidekiq", "info"},
      {"2026-01-31T12:00:00.123Z pid=7 tid=gndx class=Shop WARN: slow", "warning"},
      // PHP: CLI, FPM, behind Apache, Monolog, Laravel
      {"PHP Fatal error:  Uncaught Exception: no in /srv/a.php:3", "critical"},
      {"PHP Parse error:  syntax error, unexpected '}' in /srv/a.php on line 3", "critical"},
      {"PHP Warning:  Undefined variable $x in /srv/a.php on line 3", "warning"},
      {"PHP Notice:  x in /srv/a.php on line 3", "info"},
      {"PHP Deprecated:  x in /srv/a.php on line 3", "warning"},
      {"[31-Jan-2026 12:00:00 UTC] PHP Fatal error:  Uncaught Exception: no", "critical"},
      {"Fatal error: Uncaught Exception: no in /srv/a.php:3", "critical"},
      {"Warning: Undefined variable $x in /srv/a.php on line 3", "warning"},
      {"[31-Jan-2026 12:00:00] NOTICE: fpm is running, pid 1", "info"},
      {"[31-Jan-2026 12:00:00] WARNING: [pool www] child 8 exited", "warning"},
      {"[Sat Jan 31 12:00:00.123456 2026] [php:error] [pid 7] [client 127.0.0.1:4] x", "error"},
      {"[Sat Jan 31 12:00:00.123456 2026] [core:notice] [pid 7] AH00094: x", "info"},
      {"[2026-01-31T12:00:00.123456+00:00] request.CRITICAL: Uncaught PHP Exception", "critical"},
      {"[2026-01-31 12:00:00] production.ERROR: refused {\"exception\":\"x\"}", "error"},
      // Rust: env_logger, tracing (with its colours)
      {"[2026-01-31T12:00:00Z ERROR app] refused", "error"},
      {"[2026-01-31T12:00:00Z WARN  app::db] slow", "warning"},
      {"2026-01-31T12:00:00.123456Z  WARN app: slow", "warning"},
      {"\x1b[2m2026-01-31T12:00:00.123456Z\x1b[0m \x1b[31mERROR\x1b[0m \x1b[2mapp\x1b[0m\x1b[2m:\x1b[0m refused",
       "error"},
      // .NET: console logger, Serilog
      {"fail: Microsoft.AspNetCore.Server.Kestrel[13]", "error"},
      {"crit: Shop.Worker[0]", "critical"},
      {"warn: Shop.Worker[0]", "warning"},
      {"info: Microsoft.Hosting.Lifetime[14]", "info"},
      {"dbug: Shop.Worker[0]", "debug"},
      {"trce: Shop.Worker[0]", "debug"},
      {"[12:00:00 ERR] refused", "error"},
      {"[12:00:00 INF] started", "info"},
      // Elixir, Erlang
      {"12:00:00.123 [error] GenServer #PID<0.1.0> terminating", "error"},
      {"12:00:00.123 request_id=F3abcDEF [info] GET /", "info"},
      {"=ERROR REPORT==== 31-Jan-2026::12:00:00.123 ===", "error"},
      // Servers
      {"2026/01/31 12:00:00 [error] 7#7: *1 connect() failed", "error"},
      {"2026/01/31 12:00:00 [emerg] 1#1: bind() failed", "critical"},
      {"2026-01-31 12:00:00.123 UTC [12] LOG:  database system is ready to accept connections", "info"},
      {"2026-01-31 12:00:00.123 UTC [12] ERROR:  relation \"x\" does not exist at character 15", "error"},
      {"2026-01-31 12:00:00.123 UTC [12] shop@orders FATAL:  role \"x\" does not exist", "critical"},
      {"2026-01-31T12:00:00.123456Z 0 [Warning] [MY-010068] [Server] CA certificate", "warning"},
      {"2026-01-31 12:00:00 0 [Note] mariadbd: ready for connections.", "info"},
      {"[2026-01-31 12:00:00.123][1][warning][main] [source/server.cc:1] slow", "warning"},
      {"[ALERT]    (1) : [haproxy.main()] No enabled listener found", "critical"},
      {"2026-01-31 12:00:00.123456+00:00 [error] <0.1.0> refused", "error"},
      // Compilers and commands
      {"main.c:3:5: error: 'x' undeclared (first use in this function)", "error"},
      {"ld: warning: cannot find x", "warning"},
      {"error: could not compile `app`", "error"},
      {"==7==ERROR: AddressSanitizer: heap-use-after-free", "error"},
  };
  for (const Case& known : cases) EXPECT_STREQ(name_of(find_level(known.line)), known.level) << known.line;
}

TEST(FindLevel, TakesNoOrdinaryWordForALevel) {
  for (const char* line : {"<9>x",
                           "",
                           "<",
                           "[",
                           "E1",
                           "I1122",
                           "E1122 text",
                           "E11223 10:00:00 x",
                           "nothing ERROR here",
                           "GET /ERROR 200",
                           "/var/log/ERROR",
                           "Errors: 0",
                           "errors=0 ERROR_COUNT=0",
                           "an error happened: warn nobody",
                           "alert the team",
                           "critical section entered",
                           "LEVEL 3 reached",
                           "levels: error",
                           "INFORMATIONS",
                           "12:00:00 the user said ERROR",
                           "ERR_CONNECTION_REFUSED at x",
                           "PHPUnit Fatal",
                           "\x1b[31m",
                           "\x1b",
                           "\x1b[31;31"}) {
    EXPECT_STREQ(name_of(find_level(line)), "none") << line;
  }
}

TEST(FindLevel, ReadsNoMoreThanItsWindow) {
  EXPECT_EQ(find_level(std::string(64, ' ') + "ERROR"), std::nullopt);
  EXPECT_EQ(find_level(std::string(60, ' ') + "ERRORS"), std::nullopt);
  EXPECT_EQ(find_level(std::string(59, ' ') + "ERRORS"), std::nullopt);
  EXPECT_EQ(find_level(std::string(59, ' ') + "ERROR" + std::string(99, ' ')), LogLevel::error);
  for (std::size_t size = 0; size < 140; ++size) {
    EXPECT_EQ(find_level("ERROR " + std::string(size, '.')), LogLevel::error) << size;
    EXPECT_EQ(find_level(std::string(size, ' ') + "ERROR"), size < 60 ? std::optional(LogLevel::error) : std::nullopt)
        << size;
  }
}

TEST(DetectLevel, IsInfoWithoutAWord) {
  EXPECT_EQ(detect_level("started"), LogLevel::info);
  EXPECT_EQ(detect_level("DEBUG:root:x"), LogLevel::debug);
}

TEST(DetectLevel, OfJoinedLinesIsTheFirstOnesOrError) {
  EXPECT_EQ(detect_joined_level("started"), LogLevel::info);
  EXPECT_EQ(detect_joined_level("Traceback (most recent call last):\n  File \"a.py\", line 1\nValueError"),
            LogLevel::error);
  EXPECT_EQ(detect_joined_level("INFO:root:x\nTraceback (most recent call last):\n  File"), LogLevel::info);
  EXPECT_EQ(detect_joined_level("panic: no\n\ngoroutine 1 [running]:"), LogLevel::critical);
}

TEST(LevelOfName, KnowsTheNamesInAnyCase) {
  const Case cases[] = {{"warn", "warning"},
                        {"Warning", "warning"},
                        {"ERR", "error"},
                        {"fatal", "critical"},
                        {"critical", "critical"},
                        {"panic", "critical"},
                        {"notice", "info"},
                        {"trace", "debug"},
                        {"Verbose", "debug"},
                        {"Information", "info"},
                        {"silly", "debug"},
                        {"INF", "info"},
                        {"emergency", "critical"},
                        {"", "none"},
                        {"er", "none"},
                        {"high", "none"},
                        {"error!", "none"},
                        {"level", "none"},
                        {"fail", "none"},
                        {"information ", "none"}};
  for (const Case& known : cases) EXPECT_STREQ(name_of(level_of_name(known.line)), known.level) << known.line;
}

TEST(LevelOfNumber, KnowsSyslogPinoAndMonolog) {
  const std::pair<std::uint32_t, const char*> cases[] = {
      {0, "critical"},  {2, "critical"}, {3, "error"},      {4, "warning"},    {5, "info"},    {6, "info"},
      {7, "debug"},     {8, "none"},     {10, "debug"},     {20, "debug"},     {30, "info"},   {35, "info"},
      {40, "warning"},  {50, "error"},   {60, "critical"},  {70, "none"},      {100, "debug"}, {250, "info"},
      {300, "warning"}, {400, "error"},  {550, "critical"}, {600, "critical"}, {601, "none"}};
  for (const auto& [number, level] : cases) EXPECT_STREQ(name_of(level_of_number(number)), level) << number;
}

}  // namespace
}  // namespace cofferdam::logs
