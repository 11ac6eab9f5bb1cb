#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
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
    std::vector<std::string> arguments(argv + 1, argv + argc);
    // An engine that can't give a runtime a first argument (containerd's BinaryName) calls it by another name.
    if (argc > 0 && std::string_view(argv[0]).ends_with("cofferdam-oci")) arguments.insert(arguments.begin(), "oci");
    return cofferdam::cli::main_command(arguments);
  } catch (const std::exception& error) {
    std::fprintf(stderr,
                 "cofferdam: internal error: %s\nThis is a defect of cofferdam; the app was not left running.\n",
                 error.what());
    return 125;
  }
}
