#include "logs/sinks/make.hpp"

#include "logs/sinks/console.hpp"
#include "logs/sinks/file.hpp"
#include "logs/sinks/file_sender.hpp"
#include "logs/sinks/text_sender.hpp"

namespace cofferdam::logs {

namespace {

std::unique_ptr<FileSink> make_file(const OpenSink& opened, Encoding encoding) {
  if (!opened.place.directory) return std::make_unique<FileSink>(encoding, opened.file.get());
  return std::make_unique<FileSink>(encoding, opened.file.get(),
                                    FileRotation{opened.place.directory.get(), opened.place.name, opened.sink.rotate});
}

}  // namespace

std::unique_ptr<Sink> make_direct_sink(const OpenSink& opened, const PumpConfig& config) {
  const Encoding encoding = config.encoding_of(opened);
  if (opened.sink.type == LogSink::Type::console) {
    return std::make_unique<ConsoleSink>(encoding, config.console_out, config.console_err);
  }
  return make_file(opened, encoding);
}

Result<std::unique_ptr<Sender>> make_sender(const OpenSink& opened, const PumpConfig& config) {
  switch (opened.sink.type) {
    case LogSink::Type::file:
      return std::make_unique<FileSender>(make_file(opened, config.encoding_of(opened)), config.instance,
                                          config.name_width, config.colour);
    case LogSink::Type::console:
      return std::make_unique<TextSender>(make_direct_sink(opened, config), config.instance, config.name_width,
                                          config.colour);
    case LogSink::Type::otlp: return make_otlp_sender(opened.sink, config.context);
    case LogSink::Type::fluentd: return make_fluentd_sender(opened.sink, config.context);
    case LogSink::Type::syslog: return make_syslog_sender(opened.sink, config.context);
    case LogSink::Type::sentry: return make_sentry_sender(opened.sink, config.context);
  }
  return fail("an unknown kind of sink");
}

}  // namespace cofferdam::logs
