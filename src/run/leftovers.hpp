// What an instance left behind, with who wrote it: the scan at its end joined with its events.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cofferdam/event.hpp"
#include "cofferdam/report.hpp"
#include "supervise/expectation.hpp"

namespace cofferdam::run {

// Memory is bounded: beyond kMostPaths written paths no more writers are learnt, beyond kMostPaths leftovers no more
// are taken; incomplete() says so.
//   Leftovers left; ... events of the instance ...; for each change of its scan: left.visit(change); left.take();
class Leftovers : public EventSink {
 public:
  static constexpr std::size_t kMostPaths = 100'000;

  // Remembers the last writer of each path.
  void on_event(const Event& event) override;
  // Takes what can be missed: files, links, sockets and directories; not what has other metadata only.
  void visit(const ScannedChange& change);

  [[nodiscard]] bool incomplete() const { return incomplete_; }
  // What was visited since the last call. Writers stay known.
  [[nodiscard]] std::vector<supervise::Leftover> take();

 private:
  struct Written {
    ProcessRef process;
    std::string call;
    std::timespec when{};
  };
  [[nodiscard]] const Written* writer_of(const std::string& path) const;

  std::unordered_map<std::string, Written> last_;
  std::vector<supervise::Leftover> left_;
  bool incomplete_ = false;
};

// A system call that brings a name or content, by its name.
[[nodiscard]] bool makes_something(std::string_view call);

// How many of them are files.
[[nodiscard]] std::size_t count_files(const std::vector<supervise::Leftover>& leftovers);

}  // namespace cofferdam::run
