// Compresses rotated log files in a thread of its own.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>

#include "logs/sinks/rotation.hpp"

namespace cofferdam::logs {

// NAME.1 becomes NAME.1.gz or NAME.1.zst, with the same mode, owner and time, once it has rested for `rest`: another
// process that has it open notices within a second that it was rotated (FileSink). Begins with what an earlier run
// left. What can't be compressed (a full disk) stays as it is until the next rotation. No thread before there is work,
// and no wake-up without.
class Compressor {
 public:
  explicit Compressor(RotatedFiles& files, std::chrono::milliseconds rest = std::chrono::seconds{2})
      : files_(files), rest_(rest) {}
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;
  // Stops within a few milliseconds; the file that is being compressed stays as it was.
  ~Compressor();

  // There may be files to compress.
  void wake();

 private:
  void run();
  [[nodiscard]] bool compress_next();
  [[nodiscard]] bool compress(const RotatedFile& file);
  [[nodiscard]] bool stopping();

  RotatedFiles& files_;
  std::chrono::milliseconds rest_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool woken_ = false;
  bool stopping_ = false;
};

}  // namespace cofferdam::logs
