// A file behind a queue.
#pragma once

#include <memory>
#include <string_view>
#include <utility>

#include "logs/sinks/file.hpp"
#include "logs/sinks/text_sender.hpp"

namespace cofferdam::logs {

// While the disk is full, nothing is dropped here: what is not written yet is tried again, and the queue holds the rest
// as its `when_full` says.
class FileSender : public TextSender {
 public:
  FileSender(std::unique_ptr<FileSink> file, std::string_view instance, std::size_t width, bool colour)
      : FileSender(file.get(), std::move(file), instance, width, colour) {}

  [[nodiscard]] std::string describe() const override { return "file"; }
  [[nodiscard]] SendResult send(std::string_view body, std::size_t records, Deadline deadline) override;

 private:
  // By reference: nothing moves before get() was called.
  FileSender(FileSink* file, std::unique_ptr<FileSink>&& sink, std::string_view instance, std::size_t width,
             bool colour)
      : TextSender(std::move(sink), instance, width, colour), file_(*file) {}

  FileSink& file_;
  std::size_t done_ = 0;  // bytes of the body that is being sent
};

}  // namespace cofferdam::logs
