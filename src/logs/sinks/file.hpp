// A file on the host, outside the instance, appended to: rotated here, or by others.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kernel/fd.hpp"
#include "logs/sinks/compressor.hpp"
#include "logs/sinks/rotation.hpp"
#include "logs/sinks/sink.hpp"

namespace cofferdam::logs {

// Where and how a FileSink rotates.
struct FileRotation {
  int directory = -1;  // FilePlace, of locate(); stays the caller's
  std::string name;
  LogRotation rotate;                         // nothing set: never rotated here
  std::chrono::milliseconds look_each{1000};  // how often it is looked whether the name still is this file
};

// A full disk or an I/O error drops records and never stops the app; the next batch is tried again. A record that was
// written in part when the disk filled up is completed first, so the file stays JSON Lines. Once there is room again, a
// gap record stands where the others are missing (JSON; pretty: a line for people; raw: nothing, only the count).
//
// With a FileRotation, a file that would become larger than its size, or is older than its age, is rotated between two
// records, also between two of one batch; a record that is larger itself has a file of its own. A file that somebody
// else has renamed or removed (logrotate, another instance that logs to it) is opened anew within a second of the next
// record; one that was cut (copytruncate) goes on at its new end. What can't be rotated grows, and is tried again
// every ten seconds. Looks at clocks and names only while it writes. A line that a run before left without its end gets
// one (not in a raw file), so that the next record has a line of its own.
class FileSink : public Sink {
 public:
  // `fd` is open for appending and stays the caller's.
  FileSink(Encoding encoding, int fd) : Sink(encoding), fd_(fd) {}
  FileSink(Encoding encoding, int fd, FileRotation rotation);
  // Completes a record that was written in part, if the disk has room by now.
  ~FileSink() override;

  // A record that is completed later counts as delivered.
  Delivery deliver(const Batch& batch) override;
  // For whoever repeats what could not be written: returns how many of the bytes were, and error() why not all. Nothing
  // is dropped, completed or announced here.
  [[nodiscard]] std::size_t append(std::string_view bytes);
  [[nodiscard]] int error() const { return errnum_; }

 private:
  struct Lost {
    std::uint64_t count = 0;
    std::uint64_t first = 0;
    std::uint64_t last = 0;
    std::string head;  // of the last lost record: {"ts":"...","seq":9,"instance":"web.1"
    int errnum = 0;
  };

  [[nodiscard]] bool write(std::string_view bytes, std::size_t& written);
  [[nodiscard]] std::size_t append_parts(std::string_view bytes);
  [[nodiscard]] bool complete_torn();
  void announce_lost();
  void note_lost(std::string_view bytes, std::uint64_t records);

  [[nodiscard]] std::size_t fitting(std::string_view bytes) const;
  void look();
  void rotate_if_due();
  void rotate();
  void use(kernel::Fd fd);
  void end_torn_line();

  int fd_;
  std::string torn_;  // the rest of a record that was written in part
  Lost lost_;
  int errnum_ = 0;  // of the last write that failed

  std::optional<FileRotation> rotation_;
  std::optional<RotatedFiles> files_;
  std::unique_ptr<Compressor> compressor_;
  kernel::Fd own_;  // what fd_ is once it was opened anew
  std::uint64_t size_ = 0;
  bool at_line_start_ = true;
  std::chrono::system_clock::time_point begun_;
  std::chrono::steady_clock::time_point look_again_;
  std::chrono::steady_clock::time_point rotate_again_;
};

}  // namespace cofferdam::logs
