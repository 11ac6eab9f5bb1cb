#include "logs/sinks/open.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace cofferdam::logs {

namespace {

std::string place_of(const Origin& origin) {
  if (origin.file.empty()) return "";
  if (origin.line == 0) return origin.file + ": ";
  return origin.file + ":" + std::to_string(origin.line) + ": ";
}

std::string parent_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  return slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
}

std::string advice(const std::string& path, int errnum) {
  const std::string parent = parent_of(path);
  struct stat status{};
  switch (errnum) {
    case ENOENT:
      if (::stat(parent.c_str(), &status) != 0) return "; the directory " + parent + " does not exist: create it";
      break;
    case EACCES: return "; make it writable, or choose a path that is";
    case EISDIR: return "; name a file inside it";
    case ENXIO: return "; nothing reads the pipe or socket there";
    case EROFS: return "; choose a path on a writable file system";
    default: break;
  }
  return "";
}

Result<kernel::Fd> open_file(const std::string& path, const Origin& origin) {
  // O_NONBLOCK so that a FIFO without a reader is an error here and no hang.
  kernel::Fd file(::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0640));
  if (file) return file;
  const int errnum = errno;
  return fail(
      place_of(origin) + "can't open the log file " + path + ": " + std::strerror(errnum) + advice(path, errnum),
      errnum);
}

Result<OpenSink> open_sink(const LogSink& sink) {
  OpenSink opened{sink, {}, {}, {}};
  if (sink.type == LogSink::Type::file) {
    auto file = open_file(sink.path, sink.origin);
    if (!file) return std::unexpected(std::move(file.error()));
    opened.file = std::move(*file);
    auto place = locate(sink.path);
    if (!place) return fail(place_of(sink.origin) + place.error().message, place.error().errnum);
    if (*place) opened.place = std::move(**place);
  }
  if (!sink.fallback.empty()) {
    auto file = open_file(sink.fallback, sink.origin);
    if (!file) return std::unexpected(std::move(file.error()));
    opened.fallback = std::move(*file);
  }
  return opened;
}

}  // namespace

const char* to_string(LogSink::Type type) {
  switch (type) {
    case LogSink::Type::console: return "console";
    case LogSink::Type::file: return "file";
    case LogSink::Type::otlp: return "otlp";
    case LogSink::Type::fluentd: return "fluentd";
    case LogSink::Type::syslog: return "syslog";
    case LogSink::Type::sentry: return "sentry";
  }
  return "";
}

Result<std::vector<OpenSink>> open_sinks(const std::vector<LogSink>& sinks) {
  if (sinks.size() > kMaxLogSinks) {
    return fail(place_of(sinks[kMaxLogSinks].origin) + "more than " + std::to_string(kMaxLogSinks) + " log sinks", 0,
                2);
  }
  std::vector<OpenSink> opened;
  if (sinks.empty()) opened.push_back({});
  for (const LogSink& sink : sinks) {
    auto ready = open_sink(sink);
    if (!ready) return std::unexpected(std::move(ready.error()));
    opened.push_back(std::move(*ready));
  }
  return opened;
}

}  // namespace cofferdam::logs
