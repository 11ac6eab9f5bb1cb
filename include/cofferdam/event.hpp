// What happened in a run, one event at a time, and the report that folds them.
#pragma once

#include <cstdint>
#include <ctime>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "cofferdam/diagnostic.hpp"
#include "cofferdam/result.hpp"

namespace cofferdam {

// A process as findings and events name it. `pid` is the pid that the app itself would see. `argv` is already
// redacted. `lineage` runs from the process's own program up to the entry command ("psql", "sh", "gunicorn").
struct ProcessInfo {
  int pid = 0;
  std::string exe;
  std::vector<std::string> argv;
  std::vector<std::string> lineage;
};
using ProcessRef = std::shared_ptr<const ProcessInfo>;

enum class Level { full, partial, none };
[[nodiscard]] constexpr const char* to_string(Level level) {
  return level == Level::full ? "full" : level == Level::partial ? "partial" : "none";
}

// How well one rule is enforced here, by what, and what to change where it is not full (else empty).
struct EnforcementRow {
  std::string rule;  // storage, database, logs, processes, supervisor, network
  Level level = Level::full;
  std::string mechanism;  // "mount namespace, overlay and tmpfs; Landlock"
  std::string advice;
  bool chosen = false;  // the policy itself gives it away (a persistent mount): nothing is lost against it
};

struct PolicyRef {
  std::string key;  // "database.allow"
  std::string file;
  int line = 0;
};

struct Finding {
  std::string code;  // CDnnn of the rule catalogue
  Severity severity = Severity::error;
  std::string message;
  std::string fix;
  PolicyRef policy;
  ProcessRef process;       // may be null
  std::string path;         // may be empty
  std::string destination;  // may be empty
};

struct StartedEvent {
  std::string mode;  // local, container
  std::vector<std::string> command;
  std::vector<EnforcementRow> enforcement;
  std::vector<std::string> notices;
};
struct ExecEvent {
  ProcessRef process;
  int parent = 0;
};
enum class WriteOutcome { landed, refused, failed };
[[nodiscard]] constexpr const char* to_string(WriteOutcome outcome) {
  return outcome == WriteOutcome::landed ? "landed" : outcome == WriteOutcome::refused ? "refused" : "failed";
}
struct WriteEvent {
  std::string call;  // system call name
  std::string path;  // as the app saw it, absolute
  std::string to;    // second path of rename and link, else empty
  WriteOutcome outcome = WriteOutcome::landed;
  std::string by;  // what decided: "mount", "landlock", "supervisor"
  int errnum = 0;
  ProcessRef process;
};
struct ConnectEvent {
  std::string destination;  // "127.0.0.1:5432", "[::1]:5432", "unix:/run/x.sock", "unix:@name"
  std::string engine;       // "postgres", or empty when no database
  bool allowed = false;
  bool connected = false;  // outcome; false also for an attempt still in progress that failed
  int errnum = 0;
  ProcessRef process;
};
struct GapEvent {
  std::uint64_t count = 0;
  std::string reason;
  std::string sink;
};
// The event `of` happened `count` more times, the last time at `last`; `of` is at most kRepeatWindow events old.
inline constexpr std::uint64_t kRepeatWindow = 4096;
struct RepeatedEvent {
  std::uint64_t of = 0;
  std::uint64_t count = 0;
  std::timespec last{};
};
struct ExitedEvent {
  std::optional<int> code;
  std::optional<int> signal;
};

struct Event {
  std::uint64_t seq = 0;  // from 1, without holes
  std::timespec ts{};     // CLOCK_REALTIME
  std::string instance;   // "web.1"
  std::variant<StartedEvent, ExecEvent, WriteEvent, ConnectEvent, GapEvent, Finding, RepeatedEvent, ExitedEvent> body;
};

// The event that one line of `--events` holds. Keys that are missing or unknown are no mistake (another release); the
// error says what the line is instead, also of an event that this version does not know. No exception leaves it.
[[nodiscard]] Result<Event> parse_event(std::string_view line);

// Receives events in order of seq. Must not block for long: it runs on the supervisor's thread.
class EventSink {
 public:
  EventSink() = default;
  EventSink(const EventSink&) = delete;
  EventSink& operator=(const EventSink&) = delete;
  virtual ~EventSink() = default;
  virtual void on_event(const Event& event) = 0;
};

}  // namespace cofferdam
