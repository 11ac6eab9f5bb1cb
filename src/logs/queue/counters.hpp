// What a sink's queue and worker tell the launcher, in memory that both share.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cofferdam::logs {

// How a sink's worker stands with its peer.
enum class SinkCondition : std::uint8_t {
  idle,      // nothing has been sent so far
  working,   // the last attempt was delivered
  retrying,  // the last attempt failed and will be repeated
  failed,    // nothing is taken as things are configured
};

// Lives in MAP_SHARED memory, zeroed; written by the pump alone, read by the launcher at any time. Records are records
// of the app and of cofferdam, never the gap records that announce a loss. At rest
//   pushed + adopted = delivered + dropped + pending.
struct SinkCounters {
  std::atomic<std::uint64_t> pushed;
  std::atomic<std::uint64_t> adopted;    // taken over from the spill of an earlier run
  std::atomic<std::uint64_t> delivered;  // as the sink's protocol knows it (see Sender::acknowledges)
  std::atomic<std::uint64_t> dropped;    // each announced by a gap record, or written to the fallback
  std::atomic<std::uint64_t> rejected;   // of `dropped`: refused by the server
  std::atomic<std::uint64_t> saved;      // of `dropped`: written to the fallback file
  std::atomic<std::uint64_t> pending;    // in memory or in this run's spill
  std::atomic<std::uint64_t> spilled;    // of `pending`: in the spill
  std::atomic<std::uint64_t> attempts;   // requests sent, also in vain
  std::atomic<std::uint64_t> failures;   // requests that were to be repeated

  // For announce(): an eventfd of the pump (0: nobody listens), and whether it was written to since the last look.
  std::atomic<int> news_fd;
  std::atomic<bool> announced;

  // The last condition with the last error. One writer; the text that is being written is never the one that is read.
  static constexpr std::size_t kText = 160;
  std::atomic<std::uint64_t> version;  // counts the changes; the text of a version is texts[version % 2]
  std::array<std::array<char, kText>, 2> texts;
  std::array<std::atomic<SinkCondition>, 2> conditions;
};
static_assert(std::atomic<SinkCondition>::is_always_lock_free && std::atomic<std::uint64_t>::is_always_lock_free);

struct SinkStatus {
  SinkCondition condition = SinkCondition::idle;
  std::string text;           // for people: "connection refused"; empty while all is well
  std::uint64_t version = 0;  // differs from the last one seen: something changed
};

// Makes the launcher look at the sinks: something has changed that it tells people. Once until it has looked.
void announce(SinkCounters& counters);
void set_status(SinkCounters& counters, SinkCondition condition, std::string_view text);
[[nodiscard]] SinkStatus read_status(const SinkCounters& counters);

}  // namespace cofferdam::logs
