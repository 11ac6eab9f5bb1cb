#include "logs/outlet.hpp"

#include <algorithm>

#include "logs/raw_encoder.hpp"
#include "logs/sinks/console.hpp"
#include "logs/sinks/file.hpp"
#include "logs/stages.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::size_t kFlushAt = 256 << 10;

// The pump is the only writer; a plain add needs no locked instruction.
void add_to(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

}  // namespace

Outlet::Outlet(PumpConfig& config)
    : counters_(config.memory->counters),
      json_(config.instance),
      pretty_(config.instance, config.name_width, config.colour) {
  const std::size_t count = std::min(config.sinks.size(), kMaxSinks);
  buffers_.reserve(count);  // targets point at them
  for (std::size_t i = 0; i < count; ++i) add(config.sinks[i], config, counters_.sinks.at(i));
}

void Outlet::add(OpenSink& opened, PumpConfig& config, PumpCounters::OfSink& counters) {
  Target& target = targets_.emplace_back();
  target.counters = &counters;
  target.is_console = opened.type() == LogSink::Type::console;
  if (target.is_console) {
    target.sink = std::make_unique<ConsoleSink>(config.encoding_of(opened), config.console_out, config.console_err);
  } else {
    target.sink = std::make_unique<FileSink>(opened.fd());
  }
  const Encoding encoding = target.sink->encoding();
  // The line that a pump before us could not finish must not run into the next one.
  if (counters.writing && encoding != Encoding::raw) (void)target.sink->deliver({"\n", 0, Stream::out});
  const Match match(opened.sink().match);
  if (encoding == Encoding::raw && is_plain(config.parse) && match.takes_all(Stream::out) &&
      match.takes_all(Stream::err) && config.syslog_fd < 0) {
    bytes_.push_back(&target);
    return;
  }
  const auto same = std::ranges::find_if(
      buffers_, [&](const Buffer& buffer) { return buffer.encoding == encoding && buffer.match == match; });
  Buffer& buffer = same != buffers_.end() ? *same : buffers_.emplace_back(encoding, match);
  buffer.targets.push_back(&target);
  // What is not yet a record can't be looked through for secrets.
  if (encoding == Encoding::pretty && target.is_console && is_plain(config.parse)) partial_ = &buffer;
}

void Outlet::take_bytes(std::string_view bytes) {
  add_to(counters_.streams[index_of(stream_)].bytes, bytes.size());
  if (bytes_.empty()) return;
  const auto lines = static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  raw_unended_[index_of(stream_)] = !bytes.ends_with('\n');
  if (!wants_records()) count_records(lines);
  for (Target* target : bytes_) deliver(*target, {bytes, lines, stream_});
}

void Outlet::count_records(std::uint64_t records) {
  add_to(counters_.streams[index_of(stream_)].records, records);
}

inline void Outlet::encode(const Record& record, Encoding encoding, OutBuffer& out) {
  switch (encoding) {
    case Encoding::json: return json_.append(record, out);
    case Encoding::pretty: return pretty_.append(record, out);
    case Encoding::raw: return append_raw(record, out);
  }
}

void Outlet::append(const Record& record) {
  if (record.gap_count == 0) ++records_;
  std::size_t largest = 0;
  for (Buffer& buffer : buffers_) {
    if (!buffer.match.takes(record)) continue;
    encode(record, buffer.encoding, buffer.out);
    ++buffer.records;
    largest = std::max(largest, buffer.out.size());
  }
  if (largest >= kFlushAt) flush();
}

void Outlet::show_partial(std::string_view tail) {
  pretty_.show_partial(stream_, tail, partial_->out);
  flush();
}

void Outlet::flush() {
  count_records(records_);
  records_ = 0;
  // The console may wait for its reader, and the others shall not.
  for (const bool console : {false, true}) {
    for (Buffer& buffer : buffers_) {
      if (buffer.out.size() == 0) continue;
      for (Target* target : buffer.targets) {
        if (target->is_console == console) deliver(*target, {buffer.out.view(), buffer.records, stream_});
      }
    }
  }
  for (Buffer& buffer : buffers_) {
    buffer.out.clear();
    buffer.records = 0;
  }
}

void Outlet::end() {
  flush();
  bool& unended = raw_unended_[index_of(stream_)];
  if (!unended) return;
  unended = false;
  if (!wants_records()) count_records(1);
  for (Target* target : bytes_) deliver(*target, {{}, 1, stream_});
}

void Outlet::deliver(Target& target, const Batch& batch) {
  target.counters->pending.store(batch.records, std::memory_order_relaxed);
  target.counters->writing.store(true, std::memory_order_release);
  const Delivery delivery = target.sink->deliver(batch);
  target.counters->writing.store(false, std::memory_order_release);
  target.counters->pending.store(0, std::memory_order_relaxed);
  add_to(target.counters->delivered, delivery.delivered);
  add_to(target.counters->dropped, delivery.dropped);
  if (!delivery.gone || target.gone) return;
  target.gone = true;
  ++gone_;
  if (target.is_console) counters_.console_gone.store(true, std::memory_order_release);
}

}  // namespace cofferdam::logs
