// pump_driver FILE: one pump in this process, as fast as it can, from a file to /dev/null as JSON. For tools that count
// what the byte path costs (tests/bench/instructions.py); nothing of a run beside the pump takes part.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>

#include "logs/pump.hpp"

using cofferdam::logs::PumpConfig;
using cofferdam::logs::PumpMemory;

int main(int argc, char** argv) {
  PumpConfig config;
  config.instance = "web.1";
  config.format = cofferdam::logs::Format::json;
  config.out_fd = argc == 2 ? open(argv[1], O_RDONLY | O_CLOEXEC) : -1;
  config.console_out = open("/dev/null", O_WRONLY | O_CLOEXEC);
  void* const memory =
      mmap(nullptr, sizeof(PumpMemory), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  auto sinks = cofferdam::logs::open_sinks({});
  if (config.out_fd < 0 || config.console_out < 0 || memory == MAP_FAILED || !sinks) {
    std::perror("pump_driver FILE");
    return 2;
  }
  config.memory = static_cast<PumpMemory*>(memory);
  config.sinks = std::move(*sinks);
  return cofferdam::logs::run_pump(config);
}
