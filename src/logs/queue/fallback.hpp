// The file for records that could never be delivered.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "logs/record.hpp"

namespace cofferdam::logs {

// Not thread-safe. Takes memory only once there is something to write.
class Fallback {
 public:
  // `fd` is open for appending and stays the caller's; -1: there is no such file. `sink` is LogSink::name.
  Fallback(int fd, std::string instance, std::string sink);
  Fallback(const Fallback&) = delete;
  Fallback& operator=(const Fallback&) = delete;
  ~Fallback();

  [[nodiscard]] bool exists() const { return fd_ >= 0; }
  // Appends the record as the JSON line that a console or file has, with "sink" and "reason" at its end. False when it
  // could not be written whole.
  [[nodiscard]] bool append(const Record& record, std::string_view reason);

 private:
  struct Encoder;

  int fd_;
  std::string instance_;
  std::string sink_;
  std::unique_ptr<Encoder> encoder_;
};

}  // namespace cofferdam::logs
