// Old log files beside the current one: NAME.1 is the newest, NAME.2 the one before; compressed ones end in .gz or
// .zst.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cofferdam/logs.hpp"
#include "cofferdam/result.hpp"
#include "kernel/fd.hpp"

namespace cofferdam::logs {

// Where a log file is. All that is opened, renamed and removed for it is a name in that directory, so that a process
// that holds the descriptor needs no other path.
struct FilePlace {
  kernel::Fd directory;
  std::string name;
};
// Of a file that is there; a link is followed, so that the file itself is rotated. Nothing for what is no regular file
// (a pipe, a terminal): it is written, and neither rotated nor opened again. Errors name the path.
[[nodiscard]] Result<std::optional<FilePlace>> locate(const std::string& path);

// A file that rotate() left behind.
struct RotatedFile {
  std::uint64_t number = 0;
  std::string_view suffix;  // "", ".gz", ".zst"
  std::uint64_t size = 0;
  std::uint64_t inode = 0;
};

// The names of the rotated files of one log file. Several processes may rotate the same file: whoever comes second only
// opens the new one. Thread-safe.
class RotatedFiles {
 public:
  // `directory` stays the caller's.
  RotatedFiles(int directory, std::string name, const LogRotation& rotation);

  // Moves NAME to NAME.1 (and that to NAME.2, ...), opens a new NAME with the old one's mode, and owner where that is
  // allowed, and removes what is too many or too much. `current` is the open NAME. When another process has moved NAME
  // since, opens the NAME that is there now. Errors leave NAME as it was.
  [[nodiscard]] Result<kernel::Fd> rotate(int current);
  // Opens NAME for appending; makes it when it is gone.
  [[nodiscard]] Result<kernel::Fd> open_current(std::uint32_t mode) const;
  // Whether `fd` still is NAME; false also when NAME is gone.
  [[nodiscard]] bool is_current(int fd) const;

  // Newest first.
  [[nodiscard]] std::vector<RotatedFile> list() const;
  [[nodiscard]] std::string name_of(const RotatedFile& file) const;

  // Puts the file `temporary` in the place of the rotated file with this inode, with another suffix; false, and
  // `temporary` is removed, when that is gone.
  bool replace(std::uint64_t inode, std::string_view suffix, const std::string& temporary);

  [[nodiscard]] int directory() const { return directory_; }
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] const LogRotation& rotation() const { return rotation_; }

 private:
  void prune() const;
  [[nodiscard]] Result<void> shift() const;

  int directory_;
  std::string name_;
  LogRotation rotation_;
  mutable std::mutex names_;
};

}  // namespace cofferdam::logs
