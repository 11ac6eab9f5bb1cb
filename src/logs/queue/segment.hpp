// One file of the spill: a head, then frames (frame.hpp) with checksums. Appended to by one process, which holds a lock
// (flock) on it; read from any place.
#pragma once

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::logs {

// Whose segments they are.
struct SegmentOwner {
  std::string sink;
  std::string instance;
  std::uint64_t run = 0;
};

class Segment {
 public:
  static constexpr std::uint64_t kHead = 1024;           // bytes before the first frame
  static constexpr std::uint64_t kLargest = 8ULL << 20;  // of a file

  // NAME-INSTANCE-<20 digits>.seg: the digits are the segment's id, the time of its first record, so that names sort in
  // the order of the records, over several runs too. What is no letter, digit, dot or underscore becomes an underscore.
  [[nodiscard]] static std::string file_name(const SegmentOwner& owner, std::uint64_t id);
  // The id in a name that file_name() could have made for this owner; 0 in any other.
  [[nodiscard]] static std::uint64_t id_in(std::string_view name, const SegmentOwner& owner);

  // A new, empty file (mode 0600) with the lock held. When the name is taken, EEXIST.
  [[nodiscard]] static Result<std::shared_ptr<Segment>> create(int directory, const SegmentOwner& owner,
                                                               std::uint64_t id);
  // One that is there: a regular file of this user and of nobody else, with the head of this sink and instance, whose
  // lock is free. Errors say what of that it is not; EWOULDBLOCK: another run sends it.
  [[nodiscard]] static Result<std::shared_ptr<Segment>> open(int directory, const SegmentOwner& owner,
                                                             std::uint64_t id);

  [[nodiscard]] std::uint64_t id() const { return id_; }
  [[nodiscard]] std::uint64_t run() const { return run_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }          // bytes, with the head; what may be read
  [[nodiscard]] std::uint64_t records() const { return records_; }  // as the head says
  [[nodiscard]] std::uint64_t sent() const { return sent_; }        // bytes, with the head
  [[nodiscard]] std::uint64_t sent_records() const { return sent_records_; }
  // False: what lies at `offset` was being written when its process died.
  [[nodiscard]] bool was_complete(std::uint64_t offset) const { return offset < complete_; }

  // Appends whole frames. An errno when they could not be written; the file is then as it was.
  [[nodiscard]] int append(std::span<iovec> frames, std::uint64_t bytes, std::uint64_t records);
  // Back to an earlier end, of which another process knew.
  void truncate(std::uint64_t end, std::uint64_t records);
  // What the next run need not send again.
  void note_sent(std::uint64_t bytes, std::uint64_t records);
  // Fewer bytes than asked for at the end, or after an I/O error.
  [[nodiscard]] std::size_t read(std::uint64_t offset, char* into, std::size_t size) const;
  void remove() const;

 private:
  Segment(int directory, std::string name, kernel::Fd fd, std::uint64_t id);
  void write_progress() const;

  int directory_;
  std::string name_;
  kernel::Fd fd_;
  std::uint64_t id_;
  std::uint64_t run_ = 0;
  std::uint64_t end_ = kHead;
  std::uint64_t complete_ = kHead;
  std::uint64_t records_ = 0;
  std::uint64_t sent_ = kHead;
  std::uint64_t sent_records_ = 0;
};

}  // namespace cofferdam::logs
