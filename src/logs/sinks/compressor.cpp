#include "logs/sinks/compressor.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <string>
#include <system_error>
#include <vector>

#include "logs/sinks/compress_stream.hpp"
#include "logs/sinks/write.hpp"

namespace cofferdam::logs {

namespace {

using std::chrono::milliseconds;

constexpr std::size_t kPiece = 256 << 10;

std::int64_t milliseconds_of(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

// How long ago the file was written or renamed.
milliseconds age_of(const struct stat& status) {
  std::timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  const std::int64_t last = std::max(milliseconds_of(status.st_mtim), milliseconds_of(status.st_ctim));
  return milliseconds(std::max<std::int64_t>(milliseconds_of(now) - last, 0));
}

}  // namespace

Compressor::~Compressor() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Compressor::wake() {
  const std::lock_guard lock(mutex_);
  woken_ = true;
  changed_.notify_all();
  if (thread_.joinable()) return;
  // Signals are the main thread's.
  sigset_t all;
  sigset_t before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    thread_ = std::thread([this] { run(); });
  } catch (const std::system_error&) {
    woken_ = false;  // there can be no thread now; the next rotation tries again
  }
  (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

bool Compressor::stopping() {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

void Compressor::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait(lock, [this] { return woken_ || stopping_; });
    if (stopping_) return;
    woken_ = false;
    if (changed_.wait_for(lock, rest_, [this] { return stopping_; })) return;
    lock.unlock();
    while (compress_next()) {
    }
    lock.lock();
  }
}

// False when there is nothing more that can be compressed now.
bool Compressor::compress_next() {
  if (stopping()) return false;
  for (const RotatedFile& file : files_.list()) {
    if (file.suffix.empty()) return compress(file);
  }
  return false;
}

bool Compressor::compress(const RotatedFile& file) {
  const int directory = files_.directory();
  const kernel::Fd source(::openat(directory, files_.name_of(file).c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  struct stat status{};
  // Renamed meanwhile: the next look finds it. Locked: another process compresses it.
  if (!source || ::fstat(source.get(), &status) != 0 || status.st_ino != file.inode) return !stopping();
  if (::flock(source.get(), LOCK_EX | LOCK_NB) != 0) return false;
  if (const milliseconds age = age_of(status); age < rest_) {
    std::unique_lock lock(mutex_);
    return !changed_.wait_for(lock, rest_ - age, [this] { return stopping_; });  // then it is looked at again
  }
  const std::string temporary = files_.name() + "." + std::to_string(file.inode) + ".compressing";
  (void)::unlinkat(directory, temporary.c_str(), 0);  // of a process that died; we hold its source's lock
  const kernel::Fd target(
      ::openat(directory, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  const auto stream = make_compress_stream(files_.rotation().compress);
  bool good = target && stream != nullptr;
  std::vector<char> piece(kPiece);
  std::uint64_t size = 0;
  for (bool last = false; good && !last;) {
    const ssize_t count = stopping() ? -1 : ::read(source.get(), piece.data(), piece.size());
    last = count == 0;
    size += count > 0 ? static_cast<std::uint64_t>(count) : 0;
    good = count >= 0 && stream->add({piece.data(), static_cast<std::size_t>(count)}, last,
                                     [&](std::string_view out) { return write_all(target.get(), out).errnum == 0; });
  }
  struct stat after{};
  good = good && ::fstat(source.get(), &after) == 0 && static_cast<std::uint64_t>(after.st_size) == size;
  if (!good) {
    if (target) (void)::unlinkat(directory, temporary.c_str(), 0);
    return false;
  }
  (void)!::fchown(target.get(), status.st_uid, status.st_gid);
  (void)::fchmod(target.get(), status.st_mode & 07777);
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  (void)::futimens(target.get(), times.data());
  return files_.replace(file.inode, suffix_of(files_.rotation().compress), temporary);
}

}  // namespace cofferdam::logs
