// The write matrix: every way by which a Linux program changes a file tree, and what the two modes do about it. Nothing
// runs by this table; it is the claim that tests/bypass/write_matrix tries row by row, and docs/write-matrix.md is its
// print. What the filter does with a call stands in kernel/syscall_table.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace cofferdam::supervise {

// What the caller gets: names of an errno or a signal, 0 for success; where several are possible, separated by blanks.
struct WriteAnswers {
  std::string_view outside_local;      // at a place that no writable mount of the instance holds
  std::string_view outside_container;  //
  std::string_view inside_local;       // in an overlay or a tmpfs of the instance
  std::string_view inside_container;   // in a tmpfs of the container that the policy names
};

struct WriteWay {
  std::string_view id;       // as tests/bypass/ways.c calls it
  std::string_view calls;    // system calls, separated by blanks
  std::string_view decides;  // the layer that refuses
  WriteAnswers answers;
  std::string_view event;  // the call that the event names, empty when there is none; two: outside, inside
  std::string_view note;   // what is special; where there is no event, why
};

[[nodiscard]] std::span<const WriteWay> write_ways() noexcept;

// Whether a call without a row of its own in the syscall table is covered by the open that made its descriptor.
[[nodiscard]] bool is_data_call(std::string_view call) noexcept;

// docs/write-matrix.md is this text.
[[nodiscard]] std::string write_ways_markdown();

}  // namespace cofferdam::supervise
