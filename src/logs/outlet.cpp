#include "logs/outlet.hpp"

#include <poll.h>

#include <algorithm>

#include "base/text.hpp"
#include "logs/process/plain.hpp"
#include "logs/raw_encoder.hpp"
#include "logs/sinks/make.hpp"

namespace cofferdam::logs {

namespace {

constexpr std::size_t kFlushAt = 256 << 10;

// The pump is the only writer; a plain add needs no locked instruction.
void add_to(std::atomic<std::uint64_t>& counter, std::uint64_t value) {
  counter.store(counter.load(std::memory_order_relaxed) + value, std::memory_order_relaxed);
}

// std::count goes byte by byte below -O3, which cost as much as all the rest of a raw sink.
[[gnu::optimize("O3")]] std::uint64_t count_lines(std::string_view bytes) {
  constexpr std::size_t kBlock = 255;  // so that a byte holds the count of a block
  std::uint64_t lines = 0;
  while (!bytes.empty()) {
    const std::string_view block = bytes.substr(0, kBlock);
    std::uint8_t feeds = 0;
    for (const char c : block) feeds = static_cast<std::uint8_t>(feeds + (c == '\n' ? 1 : 0));
    lines += feeds;
    bytes.remove_prefix(block.size());
  }
  return lines;
}

}  // namespace

Outlet::Outlet(PumpConfig& config)
    : counters_(config.memory->counters),
      shutdown_timeout_(config.shutdown_timeout),
      json_(config.instance),
      pretty_(config.instance, config.name_width, config.colour) {
  const std::size_t count = std::min(config.sinks.size(), kMaxLogSinks);
  buffers_.reserve(count);  // targets point at them
  const auto queued = static_cast<std::uint64_t>(std::ranges::count_if(config.sinks, &OpenSink::is_queued));
  for (std::size_t i = 0; i < count; ++i) {
    if (config.sinks[i].is_queued()) {
      add_queued(config.sinks[i], config, i, config.spill_size / queued);
    } else {
      add_direct(config.sinks[i], config, i);
    }
  }
}

void Outlet::add_direct(const OpenSink& opened, const PumpConfig& config, std::size_t index) {
  Target& target = targets_.emplace_back();
  target.counters = &counters_.sinks.at(index);
  target.writing = &counters_.writing.at(index);
  target.is_console = opened.sink.type == LogSink::Type::console;
  target.sink = make_direct_sink(opened, config);
  const Encoding encoding = target.sink->encoding();
  // The line that a pump before us could not finish must not run into the next one.
  if (*target.writing && encoding != Encoding::raw) (void)target.sink->deliver({"\n", 0, Stream::out});
  const Match match(opened.sink.match);
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

void Outlet::add_queued(const OpenSink& opened, const PumpConfig& config, std::size_t index, std::uint64_t spill_size) {
  SinkCounters& counters = counters_.sinks.at(index);
  counters.news_fd = config.news_fd;
  counters.announced = false;
  auto sender = make_sender(opened, config);
  if (!sender) {
    set_status(counters, SinkCondition::failed, sender.error().message);
    return;
  }
  SinkQueueOptions options;
  options.memory = config.queues.at(index);
  options.counters = &counters;
  options.when_full = opened.sink.when_full;
  options.sink = opened.sink.name;
  options.instance = config.instance;
  options.spill_fd = config.spill_fd;
  options.spill_size = spill_size;
  options.may_wait = [this, app = config.control_fd] { return may_wait(app); };
  auto queue = SinkQueue::open(std::move(options));
  if (!queue) {
    set_status(counters, SinkCondition::failed, queue.error().message);
    return;
  }
  WorkerOptions how;
  how.timeout = opened.sink.timeout;
  how.instance = config.instance;
  how.sink = opened.sink.name;
  how.fallback_fd = opened.fallback.get();
  how.counters = &counters;
  Queued& queued = queued_.emplace_back(opened.sink.match);
  queued.queue = std::move(*queue);
  queued.worker = std::make_unique<Worker>(std::move(*sender), *queued.queue, how);
  if (auto started = queued.worker->start(); !started) {
    set_status(counters, SinkCondition::failed, started.error().message);
  }
}

void Outlet::finish() {
  for (Queued& queued : queued_) queued.queue->close();
  const Deadline deadline = deadline_.value_or(std::chrono::steady_clock::now() + shutdown_timeout_);
  for (Queued& queued : queued_) (void)queued.worker->finish(deadline);
}

// A sink that blocks and is down must not hold the end up: what we wait for it then is part of the sinks' last time.
bool Outlet::may_wait(int app) {
  const auto now = std::chrono::steady_clock::now();
  pollfd gone{app, POLLIN, 0};
  if (!deadline_ && app >= 0 && ::poll(&gone, 1, 0) > 0) {
    deadline_ = now + shutdown_timeout_;
    for (Queued& queued : queued_) queued.queue->hurry();
  }
  return !deadline_ || now < *deadline_;
}

void Outlet::take_bytes(std::string_view bytes) {
  add_to(counters_.streams[index_of(stream_)].bytes, bytes.size());
  if (bytes_.empty()) return;
  const auto lines = count_lines(bytes);
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
  begin(record.stream);
  if (record.gap_count == 0) ++records_;
  std::size_t largest = 0;
  for (Buffer& buffer : buffers_) {
    if (!buffer.match.takes(record)) continue;
    encode(record, buffer.encoding, buffer.out);
    ++buffer.records;
    largest = std::max(largest, buffer.out.size());
  }
  if (!queued_.empty()) enqueue(record);
  if (largest >= kFlushAt) flush();
}

void Outlet::enqueue(Record record) {
  record.text = base::is_utf8(record.message);
  for (Queued& queued : queued_) {
    // A pump that took over meets records that the one before had queued already.
    if (queued.match.takes(record) && record.seq > queued.queue->last_seq()) queued.queue->push(record);
  }
}

void Outlet::show_partial(std::string_view tail) {
  pretty_.show_partial(stream_, tail, partial_->out);
  flush();
}

void Outlet::flush() {
  if (records_ != 0) count_records(records_);
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
  add_to(target.counters->pushed, batch.records);
  target.counters->pending.store(batch.records, std::memory_order_relaxed);
  target.writing->store(true, std::memory_order_release);
  const Delivery delivery = target.sink->deliver(batch);
  target.writing->store(false, std::memory_order_release);
  target.counters->pending.store(0, std::memory_order_relaxed);
  add_to(target.counters->delivered, delivery.delivered);
  add_to(target.counters->dropped, delivery.dropped);
  if (!delivery.gone || target.gone) return;
  target.gone = true;
  ++gone_;
  if (target.is_console) counters_.console_gone.store(true, std::memory_order_release);
}

}  // namespace cofferdam::logs
