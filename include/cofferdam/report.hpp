// The report of a run: a fold over its events plus the scan of what was left in its storage.
// Keys are added, never renamed, within one version.
#pragma once

#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/event.hpp"

namespace cofferdam {

enum class Change { created, modified, deleted, metadata };
[[nodiscard]] constexpr const char* to_string(Change change) {
  switch (change) {
    case Change::created: return "created";
    case Change::modified: return "modified";
    case Change::deleted: return "deleted";
    case Change::metadata: return "metadata";
  }
  return "created";
}

// What the scan found at one path. `type` is file, directory, symlink, fifo, socket or device.
struct ScannedChange {
  std::string path;  // as the app saw it
  std::string type;
  Change change = Change::created;
  std::uint64_t bytes = 0;
  std::string content = {};  // what its first bytes say (base::content_kind), empty when they say nothing
};

// A mount and how full it was at most, as far as was looked (supervise/storage_meter.hpp). For an overlay these are the
// figures of the tmpfs behind it, with the few inodes that the overlay itself needs.
struct StorageUse {
  std::string path;
  std::uint64_t size = 0;         // bytes; 0: no limit, and then there is no peak either
  std::uint64_t peak = 0;         // bytes, high-water mark
  std::uint64_t inodes = 0;       // files, directories and links that it can hold; 0: no limit
  std::uint64_t inodes_peak = 0;  // high-water mark
};

// What an instance took of the machine's memory at most. Both figures are lower bounds: they are samples, and the about
// 1 KiB of kernel memory behind each inode is not in them.
struct MemoryUse {
  std::uint64_t bytes = 0;  // private memory of all its processes and the bytes in its tmpfs mounts, at one time
  std::uint64_t tmpfs = 0;  // bytes in its tmpfs mounts alone
};

// A place that the scan could not read; nothing is claimed about what lies beneath it.
struct Unreadable {
  std::string path;  // absolute, as the app saw it
  std::string why;
};

// What the scan at the end of a run hands to the report beside the changes, which are visited one by one.
struct ScanResult {
  std::vector<ScannedChange> kept;  // in persistent mounts
  std::vector<StorageUse> storage;
  MemoryUse memory;
  std::vector<Unreadable> unreadable;
};

// A process that wrote, how often, and when: the times of its first and last call.
struct Writer {
  ProcessRef process;
  std::uint64_t count = 0;
  std::timespec first{};
  std::timespec last{};
};

struct LostFile {
  ScannedChange what;
  std::string file_class;       // "source", "vcs", "log", "cache", "file"
  std::vector<Writer> writers;  // the most frequent first
  std::string instance = {};    // whose it was
};

// Losses of one kind that are not named each: "12,345 more below node_modules". `what.path` is the directory below
// which they lie, `what.bytes` the sum; type, change and class are those of each of them.
struct FoldedLoss {
  ScannedChange what;
  std::string file_class;
  std::uint64_t count = 0;
  std::vector<Writer> writers;
  std::string instance = {};
};

struct CountedFinding {
  Finding finding;
  std::uint64_t count = 1;
  std::timespec first{};
  std::string instance;
};

struct CountedConnection {
  ConnectEvent connection;
  std::uint64_t count = 1;
  std::string instance;
};

struct StreamCount {
  std::uint64_t records = 0;
  std::uint64_t bytes = 0;
};
// In records; a line longer than one is several. records + adopted = delivered + pending + dropped.
struct SinkCount {
  std::string type;
  std::string name;
  std::uint64_t records = 0;    // that were for it
  std::uint64_t adopted = 0;    // that an earlier run had left in the spill
  std::uint64_t delivered = 0;  // as far as its protocol tells
  std::uint64_t pending = 0;    // left for the next run
  std::uint64_t spilled = 0;    // of `pending`: in the spill
  std::uint64_t dropped = 0;    // each announced in the sink's own records, or saved
  std::uint64_t rejected = 0;   // of `dropped`: refused by the server
  std::uint64_t saved = 0;      // of `dropped`: in the fallback file
};
struct LogCount {
  StreamCount out;
  StreamCount err;
  StreamCount syslog;
  StreamCount own;            // cofferdam's own records
  std::uint64_t dropped = 0;  // over all sinks
  std::vector<SinkCount> sinks;
};

struct InstanceResult {
  std::string name;
  std::optional<int> code = {};
  std::optional<int> signal = {};
  std::uint64_t restarts = 0;  // after it had ended by itself; code and signal are those of its last end
  // Bytes, 0 when unknown. In container mode the high-water mark of the container's memory cgroup where it can be read
  // (page cache and cofferdam included, since the container's start); else the larger of MemoryUse::bytes and the
  // resident size of the largest process (getrusage), which is exact for one process but no sum.
  std::uint64_t memory_peak = 0;
  std::uint64_t memory_tmpfs_peak = 0;  // of it: bytes in tmpfs mounts, which production counts as memory
};

// What a rehearsal found: an instance was replaced, and the next one looked for what the first had left.
struct Drive {
  std::string instance;
  int code = 0;  // of the driver; 128 + signal
};
struct Rehearsal {
  std::uint64_t written = 0;     // files that the first instance left
  std::uint64_t looked_for = 0;  // of these: missed by a later instance, or read in the version of before
  std::vector<Drive> drives;
  std::string stopped;  // why it ended before the second instance had been tried; empty when it had
};

// What happened within one stretch of time. Log bytes are those of the app's output and syslog; they are seen some time
// after they were written, at the latest with the run's next event.
struct TimelinePoint {
  std::uint64_t writes = 0;       // calls that were recorded, refused ones included
  std::uint64_t connections = 0;  // attempts, refused ones included
  std::uint64_t refused = 0;      // of both
  std::uint64_t log_bytes = 0;
};
struct Timeline {
  std::timespec start{};
  std::uint64_t width = 0;  // of a point, in milliseconds; 0: nothing happened, or an older report
  std::vector<TimelinePoint> points;
};

struct Report {
  std::vector<std::string> command;
  std::string policy;
  std::string directory;  // the working directory; empty in an older report
  std::string mode;
  std::timespec started{};
  std::timespec ended{};
  std::vector<InstanceResult> instances;
  std::vector<EnforcementRow> enforcement;
  // Together these are all losses, and no loss is in both: whoever counts files or bytes adds `count` and `what.bytes`
  // of `folded` to what it finds in `lost`. Sorted by path.
  std::vector<LostFile> lost;
  std::vector<FoldedLoss> folded;
  std::vector<ScannedChange> kept;
  std::vector<CountedFinding> findings;
  std::vector<CountedConnection> connections;
  LogCount logs;
  std::vector<StorageUse> storage;
  Timeline timeline;
  std::uint64_t audit_events = 0;
  std::uint64_t audit_disagreements = 0;
  std::optional<Rehearsal> rehearsal;
};

// The report that `json` (of `--report FILE`) holds. Keys that are missing or unknown are no mistake (another release);
// the error says what it is instead: not JSON, cut off, no report, a newer version. No exception leaves it. Nothing in
// the result is safe for a terminal.
[[nodiscard]] Result<Report> parse_report(std::string_view json);

}  // namespace cofferdam
