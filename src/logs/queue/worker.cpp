#include "logs/queue/worker.hpp"

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <cstring>
#include <ctime>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

#include "logs/queue/fallback.hpp"

namespace cofferdam::logs {

namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kStack = 256 << 10;
constexpr std::size_t kAll = std::numeric_limits<std::size_t>::max();
// A server that refuses one record after the other is asked no faster than one that fails.
constexpr std::size_t kRefusalsInARow = 16;

std::uint32_t seed() {
  std::timespec now{};
  (void)clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint32_t>(now.tv_nsec) | 1;
}

}  // namespace

// What the thread works with. It may live longer than the worker: once it is abandoned, the thread touches nothing
// else.
class Worker::Thread {
 public:
  Thread(std::unique_ptr<Sender> sender, SinkQueue& queue, WorkerOptions options)
      : sender_(std::move(sender)),
        queue_(queue),
        options_(std::move(options)),
        fallback_(options_.fallback_fd, options_.instance, options_.sink),
        backoff_(options_.backoff, seed()) {}

  void run() {
    const BatchLimits limits = sender_->limits();
    milliseconds patience = options_.idle_after;
    bool going = true;
    while (going && !is_over()) {
      const SinkQueue::Ready ready = queue_.wait(limits, patience);
      if (ready == SinkQueue::Ready::ended) break;
      if (ready == SinkQueue::Ready::quiet) {
        rest();
        patience = milliseconds::max();
        continue;
      }
      patience = options_.idle_after;
      if (!queue_.take(limits)) continue;
      while (going && queue_.view(limits, most_, batch_)) going = send_batch();
    }
    end();
  }

  // Waits until the thread has ended; false when it is stuck in the sender at the deadline, and is on its own from now
  // on.
  bool join_until(Deadline deadline) {
    {
      const std::lock_guard lock(mutex_);
      deadline_ = deadline;
    }
    queue_.close();
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, deadline + options_.grace, [this] { return ended_; });
    // What it does beside sending takes no time.
    changed_.wait(lock, [this] { return ended_ || sending_; });
    abandoned_ = !ended_;
    return ended_;
  }

  [[nodiscard]] bool has_failed() const {
    const std::lock_guard lock(mutex_);
    return failed_;
  }
  [[nodiscard]] const WorkerOptions& options() const { return options_; }
  [[nodiscard]] SinkQueue& queue() { return queue_; }

 private:
  // False: no more is to be sent.
  bool send_batch() {
    const std::string body = sender_->encode(batch_.records);
    for (;;) {
      if (is_over() || !begin_sending()) return false;
      const SendResult result = sender_->send(body, batch_.records.size(), attempt_until());
      if (!end_sending()) return false;
      count(options_.counters->attempts);
      switch (result.outcome) {
        case SendResult::Outcome::delivered: return delivered(result);
        case SendResult::Outcome::rejected: return rejected(result);
        case SendResult::Outcome::retry:
          count(options_.counters->failures);
          tell(SinkCondition::retrying, result.why);
          if (!wait_to_retry(result)) return false;
          break;
        case SendResult::Outcome::failed:
          count(options_.counters->failures);
          tell(SinkCondition::failed, result.why);
          // At the end, one attempt in case that somebody mended it.
          if (queue_.closed()) return false;
          if (!queue_.pause(options_.failed_retry) && !queue_.closed()) rest_briefly();
          break;
      }
    }
  }

  bool delivered(const SendResult& result) {
    backoff_.reset();
    refusals_ = 0;
    if (most_ != kAll) most_ = most_ >= batch_.records.size() * 8 ? kAll : most_ * 2;
    queue_.finish_delivered(batch_.records.size(), result.rejected_records, result.why);
    if (result.rejected_records != 0) {
      tell(SinkCondition::working, std::to_string(result.rejected_records) + " records rejected: " + result.why);
    } else if (condition_ != SinkCondition::working) {
      tell(SinkCondition::working, {});
    }
    return true;
  }

  // Halves until the record at fault is alone; what was delivered meanwhile lets the batches grow again.
  bool rejected(const SendResult& result) {
    if (batch_.records.size() > 1) {
      most_ = batch_.records.size() / 2;
      return true;
    }
    const Record& record = batch_.records.front();
    const bool saved = record.gap_count == 0 && fallback_.append(record, result.why);
    queue_.finish_rejected(result.why, saved);
    tell(SinkCondition::working, "a record was rejected: " + result.why);
    if (++refusals_ <= kRefusalsInARow) return true;
    return wait_to_retry(result);
  }

  // False when the time is over.
  bool wait_to_retry(const SendResult& result) {
    const milliseconds own = backoff_.next();
    const milliseconds asked = std::min(result.retry_after.value_or(milliseconds{0}), options_.longest_asked);
    if (queue_.pause(std::max(own, asked))) return true;
    // At the end: what the server asks for, when the time suffices; else soon, but never at once.
    std::unique_lock lock(mutex_);
    const auto now = steady_clock::now();
    const milliseconds soon = std::max(std::min(own, options_.last_pause), options_.backoff.first / 10);
    changed_.wait_until(lock, std::min(asked > soon && now + asked < deadline_ ? now + asked : now + soon, deadline_),
                        [] { return false; });
    return steady_clock::now() < deadline_;
  }

  void rest_briefly() {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, options_.last_pause, [] { return false; });
  }

  void rest() {
    sender_->idle();
    batch_ = QueuedBatch{};
  }

  void tell(SinkCondition condition, const std::string& text) {
    {
      const std::lock_guard lock(mutex_);
      failed_ = condition == SinkCondition::failed;
    }
    if (condition == condition_ && text == text_) return;
    condition_ = condition;
    text_ = text;
    set_status(*options_.counters, condition, text);
  }

  static void count(std::atomic<std::uint64_t>& counter) {
    counter.store(counter.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  }

  [[nodiscard]] bool is_over() const {
    const std::lock_guard lock(mutex_);
    return steady_clock::now() >= deadline_;
  }
  [[nodiscard]] Deadline attempt_until() const {
    const std::lock_guard lock(mutex_);
    return std::min(steady_clock::now() + options_.timeout, deadline_);
  }
  [[nodiscard]] bool begin_sending() {
    const std::lock_guard lock(mutex_);
    sending_ = !abandoned_;
    return sending_;
  }
  // False: nobody waits for the result any more, and the queue may be gone.
  [[nodiscard]] bool end_sending() {
    const std::lock_guard lock(mutex_);
    sending_ = false;
    return !abandoned_;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    changed_.notify_all();
  }

  std::unique_ptr<Sender> sender_;
  SinkQueue& queue_;
  const WorkerOptions options_;
  Fallback fallback_;

  // Of the thread alone.
  QueuedBatch batch_;
  Backoff backoff_;
  std::size_t most_ = kAll;  // elements of a batch, fewer after a rejection
  std::size_t refusals_ = 0;
  SinkCondition condition_ = SinkCondition::idle;
  std::string text_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Deadline deadline_ = Deadline::max();
  bool sending_ = false;
  bool ended_ = false;
  bool abandoned_ = false;
  bool failed_ = false;
};

Worker::Worker(std::unique_ptr<Sender> sender, SinkQueue& queue, WorkerOptions options)
    : thread_(std::make_shared<Thread>(std::move(sender), queue, std::move(options))) {}

Worker::~Worker() {
  if (!finished_) (void)finish(steady_clock::now());
}

Result<void> Worker::start() {
  pthread_attr_t attributes;
  (void)pthread_attr_init(&attributes);
  (void)pthread_attr_setstacksize(&attributes, kStack);
  sigset_t all;
  sigset_t before;
  (void)sigfillset(&all);
  (void)pthread_sigmask(SIG_SETMASK, &all, &before);
  auto kept = std::make_unique<std::shared_ptr<Thread>>(thread_);
  const int errnum = pthread_create(
      &handle_, &attributes,
      [](void* argument) -> void* {
        const std::unique_ptr<std::shared_ptr<Thread>> thread(static_cast<std::shared_ptr<Thread>*>(argument));
        (*thread)->run();
        return nullptr;
      },
      kept.get());
  (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
  (void)pthread_attr_destroy(&attributes);
  if (errnum != 0) return fail(std::string("can't start the thread of a log sink: ") + std::strerror(errnum), errnum);
  (void)kept.release();
  started_ = true;
  return {};
}

Leftover Worker::finish(Deadline deadline) {
  finished_ = true;
  if (started_) {
    const bool ended = thread_->join_until(deadline);
    (void)(ended ? pthread_join(handle_, nullptr) : pthread_detach(handle_));
  }
  SinkQueue& queue = thread_->queue();
  const SinkCounters& counters = *thread_->options().counters;
  const std::uint64_t dropped = counters.dropped;
  const std::uint64_t saved = counters.saved;
  const SinkStatus status = read_status(counters);
  const std::string why = status.text.empty() ? "not delivered before the end" : status.text;
  // One of its own: a thread that is stuck still has the other.
  Fallback fallback(thread_->options().fallback_fd, thread_->options().instance, thread_->options().sink);
  const auto save = [&](const Record& record) { return fallback.append(record, why); };
  const bool to_file = thread_->has_failed() && fallback.exists();
  if (to_file || !queue.leave_to_spill()) queue.leave_to(save);
  Leftover left;
  left.saved = counters.saved - saved;
  left.dropped = counters.dropped - dropped - left.saved;
  left.spilled = counters.pending;
  return left;
}

}  // namespace cofferdam::logs
