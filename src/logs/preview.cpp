#include "logs/preview.hpp"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace cofferdam::logs {

namespace {

Result<kernel::Fd> make_memory_file() {
  kernel::Fd file(memfd_create("sink", MFD_CLOEXEC));
  if (file) return file;
  const int errnum = errno;
  return fail(std::string("can't make a file in memory: ") + std::strerror(errnum), errnum);
}

// Its records, written at once to memory: a file sink that takes the same ones.
LogSink stand_in_of(const LogSink& sink, Format format) {
  LogSink file;
  file.type = LogSink::Type::file;
  file.name = sink.name;
  file.match = sink.match;
  file.format = sink.format;
  if (sink.type == LogSink::Type::console && sink.format == LogSink::Format::automatic) {
    file.format = format == Format::pretty ? LogSink::Format::pretty
                  : format == Format::raw  ? LogSink::Format::raw
                                           : LogSink::Format::json;
  }
  return file;
}

}  // namespace

Result<std::vector<SinkPreview>> preview(const PreviewRequest& request) {
  std::vector<LogSink> sinks = request.logs.sinks;
  if (sinks.empty()) sinks.emplace_back().name = "console";
  const auto memory = std::make_unique<PumpMemory>();
  PumpConfig config;
  config.instance = request.instance;
  config.name_width = request.instance.size();
  (request.stream == Stream::err ? config.err_fd : config.out_fd) = request.input;
  config.parse = request.logs.parse;
  config.secrets = request.secrets;
  config.max_record = request.logs.max_record;
  config.memory = memory.get();
  std::vector<SinkPreview> previews;
  for (const LogSink& sink : sinks) {
    auto bytes = make_memory_file();
    if (!bytes) return std::unexpected(bytes.error());
    OpenSink& opened = config.sinks.emplace_back();
    opened.sink = stand_in_of(sink, request.format);
    opened.file.reset(dup(bytes->get()));
    config.queues.emplace_back();
    previews.push_back({sink.name, sink.type, 0, std::move(*bytes)});
  }
  (void)run_pump(config);
  for (std::size_t i = 0; i < previews.size(); ++i) {
    previews[i].records = memory->counters.sinks.at(i).delivered;
    (void)lseek(previews[i].bytes.get(), 0, SEEK_SET);
  }
  return previews;
}

}  // namespace cofferdam::logs
