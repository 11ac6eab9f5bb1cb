#include "run/prober.hpp"

#include <poll.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

namespace cofferdam::run {

namespace {

constexpr std::chrono::milliseconds kEvery{100};
constexpr std::chrono::milliseconds kTakes{1000};

}  // namespace

Prober::Prober(const Readiness& readiness, supervise::SharedPorts& ports, std::string instance, int epoll)
    : readiness_(readiness), ports_(ports), instance_(std::move(instance)), epoll_(epoll), due_(Clock::now()) {}

Prober::~Prober() {
  ports_.stop_steering(instance_);
}

bool Prober::step(Clock::time_point now) {
  if (probe_) {
    const bool passed = go_on(now < due_);
    if (!probe_) due_ = now + kEvery;
    return passed;
  }
  if (now < due_) return false;
  due_ = now + kEvery;
  ask();
  if (probe_) due_ = now + kTakes;
  return false;
}

void Prober::ask() {
  const auto addresses = ports_.listening(instance_);
  const auto wanted = std::ranges::find_if(addresses, [&](const sockaddr_storage& address) {
    return readiness_.port == 0 || port_of(address) == readiness_.port;
  });
  if (wanted == addresses.end()) {
    last_refusal_ = "it does not listen";
    return;
  }
  auto made = Probe::make(*wanted, readiness_.http);
  if (!made) {
    last_refusal_ = made.error().message;
    return;
  }
  probe_.emplace(std::move(*made));
  ports_.steer(probe_->source_port(), instance_);
  epoll_event event{.events = EPOLLOUT, .data = {}};
  (void)epoll_ctl(epoll_, EPOLL_CTL_ADD, probe_->fd(), &event);
  probe_->connect();
}

bool Prober::go_on(bool in_time) {
  pollfd polled{probe_->fd(), probe_->events(), 0};
  if (poll(&polled, 1, 0) == 1) probe_->go_on();
  if (!probe_->done() && !in_time) probe_->time_out();
  if (probe_->state() == Probe::State::reading) {
    epoll_event event{.events = EPOLLIN, .data = {}};
    (void)epoll_ctl(epoll_, EPOLL_CTL_MOD, probe_->fd(), &event);
  }
  if (!probe_->done()) return false;
  ports_.stop_steering(instance_);
  const bool passed = probe_->state() == Probe::State::passed;
  last_refusal_ = probe_->why();
  probe_.reset();
  return passed;
}

}  // namespace cofferdam::run
