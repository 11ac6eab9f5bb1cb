// A database client, by its name.
#include <string>

#include "connect.hpp"

int main(int argc, char** argv) {
  return argc == 2 && try_port(static_cast<std::uint16_t>(std::stoi(argv[1]))) == 0 ? 0 : 1;
}
