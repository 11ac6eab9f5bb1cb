// Who wrote what in one instance, from the write events, and whether the scan of its storage agrees.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"

namespace cofferdam::report {

using Writers = std::vector<std::pair<ProcessRef, std::uint64_t>>;

// Where the two witnesses differ; each list holds at most kExamples paths, the counts are exact.
struct Disagreement {
  std::uint64_t unseen = 0;  // files that changed without an event
  std::uint64_t absent = 0;  // events of creations that left nothing
  std::vector<std::string> unseen_paths;
  std::vector<std::string> absent_paths;
};

// Memory is bounded: beyond `max_paths` paths (or kMaxPathBytes of them) an event is kept for its directory only,
// except that removals get as many paths again; a path names at most kMaxWriters writers, an instance at most
// kMaxProcesses different command lines (then programs). Paths of events are canonical but for their last component,
// as the scan's are.
class WriteAudit {
 public:
  static constexpr std::size_t kMaxWriters = 8;
  static constexpr std::size_t kMaxProcesses = 4096;
  static constexpr std::size_t kMaxPathBytes = 64 << 20;
  static constexpr std::size_t kExamples = 5;

  explicit WriteAudit(std::size_t max_paths) : max_paths_(max_paths) {}

  // Events that landed leave a trace, and those that failed for want of permission, as far as could be told.
  void record(std::uint64_t seq, const WriteEvent& event, std::uint64_t count = 1);

  // The processes that wrote `path`, the most frequent first: those of its own events; of the directory's, where
  // events were folded; else that of the rename that brought a directory above it to its place, or took it away.
  [[nodiscard]] Writers writers_of(const std::string& path) const;

  // A changed regular file without an event, and an event of a creation (mkdir, mknod, symlink, link) whose path is
  // neither in the scan nor removed later. opens and renames are no evidence: what they leave may equal what was there.
  [[nodiscard]] Disagreement compare(const ScanResult& scan) const;

 private:
  struct Trace {
    std::vector<std::pair<std::uint32_t, std::uint64_t>> writers;  // index of processes_, count
    std::uint64_t created = 0;                                     // seq of the event, 0 for none
    std::uint64_t removed = 0;
    bool moved_here = false;
  };
  using Traces = std::unordered_map<std::string, Trace>;

  Trace& trace_of(const std::string& path, bool removal);
  void add_writer(Trace& trace, const ProcessRef& process, std::uint64_t count);
  std::uint32_t index_of(const ProcessRef& process);
  void move(std::uint64_t seq, const WriteEvent& event, std::uint64_t count);
  [[nodiscard]] const Trace* find(std::string_view path) const;
  [[nodiscard]] const Trace* witness_of(const std::string& path) const;
  [[nodiscard]] bool was_removed_since(std::string_view path, std::uint64_t seq) const;

  std::size_t max_paths_;
  std::size_t path_bytes_ = 0;
  Traces paths_;
  Traces folded_;  // by directory
  std::vector<ProcessRef> processes_;
  std::unordered_map<std::string, std::uint32_t> process_index_;
  Trace rest_;          // what found no room as a directory either
  bool lossy_ = false;  // rest_ is in use: the events are no witness against the scan any more
};

}  // namespace cofferdam::report
