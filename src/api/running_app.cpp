// start, run and RunningApp of cofferdam/run.hpp: a process of the binary, and a thread that reads what it tells.
#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "api/binary.hpp"
#include "api/child.hpp"
#include "api/transcript.hpp"
#include "cofferdam/run.hpp"

namespace cofferdam {

namespace {

using Clock = std::chrono::steady_clock;

// Of the child, after its standard ones.
constexpr int kEvents = 3;
constexpr int kReport = 4;
constexpr int kParentPipe = 5;

constexpr std::chrono::milliseconds kGrace{30'000};   // for the app, after its time was over
constexpr std::chrono::milliseconds kKilling{3'000};  // for cofferdam, to end all of its processes in order
constexpr std::chrono::milliseconds kDraining{500};   // for the pipes, after cofferdam has ended

Result<kernel::Fd> memory_file(const char* name, std::string_view content) {
  kernel::Fd file(memfd_create(name, MFD_CLOEXEC));
  if (!file) return fail("can't make a file in memory", errno);
  if (!kernel::write_all(file.get(), content)) return fail("can't fill a file in memory", errno);
  (void)lseek(file.get(), 0, SEEK_SET);
  return file;
}

std::string content_of(const kernel::Fd& file) {
  struct stat status{};
  if (fstat(file.get(), &status) != 0) return {};
  std::string text(static_cast<std::size_t>(status.st_size), '\0');
  std::size_t filled = 0;
  while (filled < text.size()) {
    const ssize_t count = pread(file.get(), text.data() + filled, text.size() - filled, static_cast<off_t>(filled));
    if (count == 0 || (count < 0 && errno != EINTR)) break;
    if (count > 0) filled += static_cast<std::size_t>(count);
  }
  text.resize(filled);
  return text;
}

std::vector<std::string> arguments_of(const RunRequest& request) {
  const auto own_file = [](int number) { return "/proc/self/fd/" + std::to_string(number); };
  std::vector<std::string> arguments = {"run", "--format=json", "--events=" + own_file(kEvents),
                                        "--report=" + own_file(kReport),
                                        "--parent-pipe=" + std::to_string(kParentPipe)};
  if (request.policy) arguments.push_back("--policy=" + *request.policy);
  if (!request.policy_text.empty()) arguments.push_back("--policy-text=" + request.policy_text);
  if (request.user) arguments.push_back("--user=" + *request.user);
  if (request.replicas != 0) arguments.push_back("--replicas=" + std::to_string(request.replicas));
  arguments.emplace_back("--");
  arguments.insert(arguments.end(), request.command.begin(), request.command.end());
  return arguments;
}

}  // namespace

std::string FinishedRun::output(LogStream stream) const {
  std::string text;
  for (const LogRecord& record : records) {
    if (record.stream != stream || record.gap_count != 0) continue;
    text += record.message;
    if (record.ends_line) text += '\n';
  }
  return text;
}

struct RunningApp::State {
  explicit State(RunRequest wanted) : request(std::move(wanted)), transcript(request) {}
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State();

  Result<void> launch(std::string binary);
  bool send(int number);
  void kill();

  Result<void> start_reading();
  void read_all();
  void read_some(kernel::Fd& from, void (api::Transcript::*use)(std::string_view));
  void look_at_time();
  [[nodiscard]] int poll_time() const;
  Result<FinishedRun> conclude(std::optional<int> status);

  RunRequest request;
  api::Transcript transcript;
  api::Child child;
  Clock::time_point started = Clock::now();
  kernel::Fd out;
  kernel::Fd err;
  kernel::Fd events;
  kernel::Fd report;

  std::mutex mutex;        // of the next two
  kernel::Fd parent_pipe;  // closed: cofferdam kills everything
  bool reaped = false;     // the number may be somebody else's by now

  // Of the reading thread.
  std::optional<Clock::time_point> deadline;
  enum class Step { running, stopping, killing, killed } step = Step::running;
  bool timed_out = false;
  std::thread reader;
};

RunningApp::State::~State() {
  if (!reader.joinable()) return;
  kill();
  if (!transcript.wait_for_end(kKilling)) send(SIGKILL);
  reader.join();
}

Result<void> RunningApp::State::launch(std::string binary) {
  auto output = kernel::make_pipe();
  auto error = kernel::make_pipe();
  auto event_pipe = kernel::make_pipe();
  auto parent = kernel::make_pipe();
  for (const auto* pipe : {&output, &error, &event_pipe, &parent}) {
    if (!*pipe) return std::unexpected(pipe->error());
  }
  auto input = request.input.empty() ? kernel::open_file("/dev/null", O_RDONLY) : memory_file("input", request.input);
  auto report_file = memory_file("report", {});
  if (!input || !report_file) return std::unexpected((!input ? input : report_file).error());

  api::ChildRequest wanted;
  wanted.binary = std::move(binary);
  wanted.arguments = arguments_of(request);
  wanted.environment = api::child_environment(request.environment, request.unset);
  wanted.working_directory = request.working_directory;
  wanted.files = {input->get(),       output->write.get(), error->write.get(), event_pipe->write.get(),
                  report_file->get(), parent->read.get()};
  auto spawned = api::spawn(wanted);
  if (!spawned) return std::unexpected(spawned.error());
  child = std::move(*spawned);
  out = std::move(output->read);
  err = std::move(error->read);
  events = std::move(event_pipe->read);
  report = std::move(*report_file);
  parent_pipe = std::move(parent->write);
  for (const kernel::Fd* fd : {&out, &err, &events}) (void)fcntl(fd->get(), F_SETFL, O_NONBLOCK);
  if (request.timeout.count() > 0) deadline = started + request.timeout;
  return {};
}

Result<void> RunningApp::State::start_reading() {
  // Signals of the calling program are for its own threads.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int problem = 0;
  try {
    reader = std::thread([this] { read_all(); });
  } catch (const std::system_error& error) {
    problem = error.code().value();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (problem == 0) return {};
  send(SIGKILL);
  (void)api::reap(child);
  return fail("can't start a thread for the run's output", problem);
}

bool RunningApp::State::send(int number) {
  const std::scoped_lock lock(mutex);
  return !reaped && ::kill(child.pid, number) == 0;
}

void RunningApp::State::kill() {
  const std::scoped_lock lock(mutex);
  parent_pipe.reset();
}

void RunningApp::State::read_some(kernel::Fd& from, void (api::Transcript::*use)(std::string_view)) {
  std::array<char, 65536> buffer;
  const ssize_t count = read(from.get(), buffer.data(), buffer.size());
  if (count > 0) (transcript.*use)({buffer.data(), static_cast<std::size_t>(count)});
  if (count == 0 || (count < 0 && errno != EINTR && errno != EAGAIN)) from.reset();
}

// The app's time is over: first as a person would stop it, then by all means.
void RunningApp::State::look_at_time() {
  if (!deadline || Clock::now() < *deadline) return;
  switch (step) {
    case Step::running:
      timed_out = true;
      send(SIGTERM);
      step = Step::stopping;
      deadline = Clock::now() + kGrace;
      return;
    case Step::stopping:
      kill();
      step = Step::killing;
      deadline = Clock::now() + kKilling;
      return;
    case Step::killing: send(SIGKILL); [[fallthrough]];
    case Step::killed:
      step = Step::killed;
      deadline.reset();
      return;
  }
}

int RunningApp::State::poll_time() const {
  if (!deadline) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now());
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1'000'000'000));
}

// Until cofferdam has ended and its pipes are empty. A process that it left behind could hold them for good.
void RunningApp::State::read_all() {
  std::optional<int> status;
  bool over = false;
  while (!over || out || err || events) {
    std::array<pollfd, 4> polled = {{{out.get(), POLLIN, 0},
                                     {err.get(), POLLIN, 0},
                                     {events.get(), POLLIN, 0},
                                     {over ? -1 : child.pidfd.get(), POLLIN, 0}}};
    const int ready = poll(polled.data(), polled.size(), poll_time());
    if (ready < 0) continue;
    if (polled[0].revents != 0) read_some(out, &api::Transcript::add_output);
    if (polled[1].revents != 0) read_some(err, &api::Transcript::add_messages);
    if (polled[2].revents != 0) read_some(events, &api::Transcript::add_events);
    if (over && ready == 0 && deadline && Clock::now() >= *deadline) break;
    if (!over && polled[3].revents != 0) {
      const std::scoped_lock lock(mutex);
      status = api::reap(child);
      over = reaped = true;
      deadline = Clock::now() + kDraining;
    }
    if (!over) look_at_time();
  }
  out.reset();
  err.reset();
  events.reset();
  transcript.end(conclude(status));
}

Result<FinishedRun> RunningApp::State::conclude(std::optional<int> status) {
  FinishedRun run = transcript.take();
  run.timed_out = timed_out;
  run.duration = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
  const std::string text = content_of(report);
  report.reset();
  kill();
  if (!status)
    return fail("the end of cofferdam was taken by somebody else in this process (waitpid of any child)", ECHILD);
  run.exit_code = *status;
  if (text.empty()) {
    const std::string words = api::own_words(run.messages);
    return fail(words.empty() ? "cofferdam ended with " + std::to_string(*status) + " and said nothing" : words, 0,
                *status);
  }
  auto parsed = parse_report(text);
  if (!parsed) return fail("the report of the run: " + parsed.error().message);
  run.report = std::move(*parsed);
  // Found out inside the instance: the app never was, and its place in the report says 125.
  const bool failed_exec =
      (*status == 126 || *status == 127) && !run.report.instances.empty() && run.report.instances.front().code == 125;
  if (failed_exec) return fail(api::own_words(run.messages), 0, *status);
  return run;
}

RunningApp::RunningApp(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunningApp::RunningApp(RunningApp&& other) noexcept = default;
RunningApp& RunningApp::operator=(RunningApp&& other) noexcept = default;
RunningApp::~RunningApp() = default;

int RunningApp::pid() const {
  return state_->child.pid;
}
bool RunningApp::ended() const {
  return state_->transcript.ended();
}
bool RunningApp::signal(int number) {
  return state_->send(number);
}
void RunningApp::kill() {
  state_->kill();
}
Result<FinishedRun> RunningApp::wait() {
  return state_->transcript.wait();
}
bool RunningApp::wait_for_event(const std::function<bool(const Event&)>& matches, std::chrono::milliseconds timeout) {
  return state_->transcript.wait_for_event(matches, timeout);
}
bool RunningApp::wait_for_record(const std::function<bool(const LogRecord&)>& matches,
                                 std::chrono::milliseconds timeout) {
  return state_->transcript.wait_for_record(matches, timeout);
}
bool RunningApp::wait_for_output(const std::string& text, std::chrono::milliseconds timeout) {
  return wait_for_record([&](const LogRecord& record) { return record.message.contains(text); }, timeout);
}

Result<RunningApp> start(const RunRequest& request) {
  if (request.command.empty()) return fail("RunRequest::command is empty", EINVAL, 2);
  auto binary = api::find_binary(request.binary);
  if (!binary) return std::unexpected(binary.error());
  auto state = std::make_unique<RunningApp::State>(request);
  if (auto launched = state->launch(std::move(*binary)); !launched) return std::unexpected(launched.error());
  if (auto reading = state->start_reading(); !reading) return std::unexpected(reading.error());
  return RunningApp(std::move(state));
}

Result<FinishedRun> run(const RunRequest& request) {
  auto app = start(request);
  if (!app) return std::unexpected(app.error());
  return app->wait();
}

}  // namespace cofferdam
