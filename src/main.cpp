#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "cli/commands.hpp"

int main(int argc, char** argv) {
  // A closed standard descriptor would be taken by the next file that is opened, and then written to.
  while (true) {
    const int fd = open("/dev/null", O_RDWR);
    if (fd < 0 || fd > 2) {
      if (fd > 2) close(fd);
      break;
    }
  }
  try {
    return cofferdam::cli::main_command(std::vector<std::string>(argv + 1, argv + argc));
  } catch (const std::exception& error) {
    std::fprintf(stderr,
                 "cofferdam: internal error: %s\nThis is a defect of cofferdam; the app was not left running.\n",
                 error.what());
    return 125;
  }
}
