// Who wrote what in one instance, from the write events, and whether the scan of its storage agrees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"
#include "report/traces.hpp"

namespace cofferdam::report {

using Writers = std::vector<Writer>;

// Where the two witnesses differ; each list holds at most kExamples paths, the counts are exact.
struct Disagreement {
  std::uint64_t unseen = 0;  // files that changed without an event
  std::uint64_t absent = 0;  // events of creations that left nothing
  std::vector<std::string> unseen_paths;
  std::vector<std::string> absent_paths;
};

// Memory is bounded, whatever the app writes: some 45 bytes a path for `max_paths` paths, and for half as many more
// that were removed. Beyond that an event is kept for its directory (a quarter of max_paths of them), then for the
// instance as a whole. A path names at most kMaxWriters writers, an instance about kMaxProcesses different processes
// (then command lines, then programs). Paths of events are canonical but for their last component, as the scan's are.
// What is folded is never held against the other witness.
//
//   audit.record(...) for each event; audit.visit(change) for each change of the scan; audit.conclude(scan).
class WriteAudit {
 public:
  static constexpr std::size_t kMaxWriters = 8;
  static constexpr std::size_t kMaxProcesses = 1024;
  static constexpr std::size_t kMaxCreations = 8192;
  static constexpr std::size_t kMaxCreationBytes = 1 << 20;
  static constexpr std::size_t kExamples = 5;

  explicit WriteAudit(std::size_t max_paths) : max_paths_(max_paths) {}

  // Where an event left its mark; empty when it left none that can be added to.
  struct Place {
    Trace* trace = nullptr;
    std::uint16_t process = kNobody;
  };
  // Events that landed leave a trace, and those that failed for want of permission, as far as could be told.
  Place record(const WriteEvent& event, const std::timespec& when, std::uint64_t count = 1);
  // The event that left its mark at `place` happened `count` more times, the last time at `when`.
  void repeat(const Place& place, const std::timespec& when, std::uint64_t count);

  // The processes that wrote `path`, the most frequent first: those of its own events; of the directory's, where
  // events were folded; else that of the rename that brought a directory above it to its place, or took it away.
  [[nodiscard]] Writers writers_of(const std::string& path) const;

  // The scan's word on one path. A changed regular file without an event is a disagreement.
  void visit(const ScannedChange& change);

  // After the last visit: all disagreements. The other kind is an event of a creation (mkdir, mknod, symlink, link) of
  // which nothing is there, and nobody removed it. Opens and renames are no evidence: what they leave may equal what
  // was there.
  [[nodiscard]] Disagreement conclude(const ScanResult& scan);

  // Bytes held, without the descriptions of processes: for tests of the bound.
  [[nodiscard]] std::size_t bytes() const;

 private:
  struct Creation {
    std::string path;
    std::uint32_t number = 0;
  };

  Trace& trace_of(std::string_view path, bool removal);
  void add_mark(Trace& trace, std::uint16_t process, std::uint64_t count, std::int64_t first, std::int64_t last);
  std::uint16_t index_of(const ProcessRef& process);
  Place write(const std::string& path, const WriteEvent& event, std::int64_t when, std::uint64_t count, bool removal);
  void create(const std::string& path, const Trace& trace);
  void remove(const std::string& path, Trace& trace);
  void move(const WriteEvent& event, std::int64_t when, std::uint64_t count);
  [[nodiscard]] const Trace* witness_of(std::string_view path) const;
  [[nodiscard]] bool was_removed_since(std::string_view path, std::uint32_t number) const;

  std::size_t max_paths_;
  std::uint32_t number_ = 0;  // of the last write, for what came before what
  TraceTable paths_;
  TraceTable folded_;        // by directory
  std::vector<Mark> marks_;  // beyond the first of a trace; the first here is not used
  std::vector<ProcessRef> processes_;
  std::unordered_map<std::size_t, std::uint16_t> process_index_;  // by hash of the command
  std::unordered_map<PathHash, Creation> creations_;              // neither removed nor seen by the scan
  std::size_t creation_bytes_ = 0;
  Disagreement found_;
  Trace rest_;          // what found no room as a directory either
  bool lossy_ = false;  // rest_ is in use: the events are no witness against the scan any more
};

}  // namespace cofferdam::report
