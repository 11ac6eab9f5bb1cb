#include "logs/outlet.hpp"

#include <algorithm>

#include "logs/sinks/console.hpp"
#include "logs/sinks/file.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::size_t kFlushAt = 256 << 10;

constexpr Encoding encoding_of(Format format) {
  switch (format) {
    case Format::pretty: return Encoding::pretty;
    case Format::raw: return Encoding::raw;
    case Format::json: break;
  }
  return Encoding::json;
}

// The pump is the only writer; a plain add needs no locked instruction.
void add_to(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

}  // namespace

Outlet::Outlet(PumpConfig& config)
    : counters_(*config.counters), json_(config.instance), pretty_(config.instance, config.name_width, config.colour) {
  const std::size_t count = std::min(config.sinks.size(), kMaxSinks);
  for (std::size_t i = 0; i < count; ++i) add(config.sinks[i], config, counters_.sinks.at(i));
  std::stable_partition(sinks_.begin(), sinks_.end(), [](const Target& target) { return !target.is_console; });
}

void Outlet::add(const OpenSink& opened, PumpConfig& config, PumpCounters::OfSink& counters) {
  Target target;
  target.counters = &counters;
  target.is_console = opened.type() == LogSink::Type::console;
  if (target.is_console) {
    target.sink = std::make_unique<ConsoleSink>(encoding_of(config.format), config.console_out, config.console_err);
  } else {
    target.sink = std::make_unique<FileSink>(opened.fd());
  }
  wants_json_ = wants_json_ || target.sink->encoding() == Encoding::json;
  wants_pretty_ = wants_pretty_ || target.sink->encoding() == Encoding::pretty;
  wants_raw_ = wants_raw_ || target.sink->encoding() == Encoding::raw;
  sinks_.push_back(std::move(target));
}

void Outlet::begin(Stream stream) {
  stream_ = stream;
  if (!wants_json_) return;
  std::timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  json_.set_time(now);
}

void Outlet::count_bytes(std::string_view bytes) {
  add_to(stream_ == Stream::out ? counters_.out_bytes : counters_.err_bytes, bytes.size());
  if (!wants_raw_) return;
  const auto lines = static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
  raw_unended_[index_of(stream_)] = !bytes.ends_with('\n');
  if (!wants_lines()) count_records(lines);
  deliver(Encoding::raw, {bytes, lines, stream_});
}

void Outlet::count_records(std::uint64_t records) {
  add_to(stream_ == Stream::out ? counters_.out_records : counters_.err_records, records);
}

void Outlet::append(const Piece& piece) {
  if (wants_json_) json_.append(piece, json_out_);
  if (wants_pretty_) pretty_.append(piece, pretty_out_);
  if (piece.last) ++records_;
  if (std::max(json_out_.size(), pretty_out_.size()) >= kFlushAt) flush();
}

void Outlet::show_partial(std::string_view tail) {
  pretty_.show_partial(stream_, tail, pretty_out_);
  flush();
}

void Outlet::flush() {
  count_records(records_);
  if (json_out_.size() != 0) deliver(Encoding::json, {json_out_.view(), records_, stream_});
  if (pretty_out_.size() != 0) deliver(Encoding::pretty, {pretty_out_.view(), records_, stream_});
  json_out_.clear();
  pretty_out_.clear();
  records_ = 0;
}

void Outlet::end() {
  flush();
  bool& unended = raw_unended_[index_of(stream_)];
  if (!unended) return;
  unended = false;
  if (!wants_lines()) count_records(1);
  deliver(Encoding::raw, {{}, 1, stream_});
}

void Outlet::deliver(Encoding encoding, const Batch& batch) {
  for (Target& target : sinks_) {
    if (target.sink->encoding() != encoding) continue;
    target.counters->pending.store(batch.records, std::memory_order_relaxed);
    const Delivery delivery = target.sink->deliver(batch);
    target.counters->pending.store(0, std::memory_order_relaxed);
    add_to(target.counters->delivered, delivery.delivered);
    add_to(counters_.dropped, delivery.dropped);
    if (!delivery.gone || target.gone) continue;
    target.gone = true;
    ++gone_;
    if (target.is_console) counters_.console_gone.store(true, std::memory_order_release);
  }
}

}  // namespace cofferdam::logs
