// Sockets that a service manager has opened for the app: descriptors 3, 4, ... (sd_listen_fds(3)).
#pragma once

#include <sys/types.h>

#include <map>
#include <string>

#include "cofferdam/result.hpp"

namespace cofferdam::launch {

// How many sockets the environment gives to process `pid`: LISTEN_FDS where LISTEN_PID names it, else 0. At most 1,024;
// an error when it is no number.
[[nodiscard]] Result<int> count_listen_sockets(const std::map<std::string, std::string>& environment, pid_t pid);

// Only sockets that listen, internet or unix, go into an instance: a directory, a file or a connected socket would lead
// past its storage and its database rule (bypass corpus N39). The error says what the descriptor is instead.
[[nodiscard]] Result<void> check_listen_socket(int fd);

// Both, for this process; the sockets are made close-on-exec, so that the app alone gets them.
[[nodiscard]] Result<int> take_listen_sockets(const std::map<std::string, std::string>& environment);

}  // namespace cofferdam::launch
