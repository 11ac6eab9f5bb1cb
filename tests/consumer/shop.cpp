// An application that does what its arguments say, one after the other.
//
//   say TEXT       a line on stdout             complain TEXT   one on stderr
//   write PATH     a file of a few bytes        cat             stdin to stdout
//   connect PORT   to a database here           psql PORT       the same by a client that it starts
//   getenv NAME    its value on stdout          wait            until a signal comes; SIGTERM ends it with 0
//   ignore         SIGTERM from here on         exit N          ends
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>

#include "connect.hpp"

namespace {

int start_psql(const std::string& self, const std::string& port) {
  const std::string client = (std::filesystem::path(self).parent_path() / "psql").string();
  return std::system(("'" + client + "' " + port).c_str());
}

void write_file(const std::string& path) {
  std::error_code ignored;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), ignored);
  std::ofstream(path) << "bytes";
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGTERM, [](int) { std::_Exit(0); });
  const auto next = [&](int& i) -> std::string { return i + 1 < argc ? argv[++i] : ""; };
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "say") std::cout << next(i) << std::endl;
    if (word == "complain") std::cerr << next(i) << std::endl;
    if (word == "write") write_file(next(i));
    if (word == "cat") std::cout << std::cin.rdbuf() << std::flush;
    if (word == "connect")
      std::cout << "connect: " << std::strerror(try_port(static_cast<std::uint16_t>(std::stoi(next(i))))) << std::endl;
    if (word == "psql") std::cout << "psql ended with " << start_psql(argv[0], next(i)) << std::endl;
    if (word == "getenv") {
      const char* value = std::getenv(next(i).c_str());
      std::cout << (value != nullptr ? value : "(unset)") << std::endl;
    }
    if (word == "ignore") std::signal(SIGTERM, SIG_IGN);
    if (word == "wait") {
      for (;;) ::pause();
    }
    if (word == "exit") return std::stoi(next(i));
  }
  return 0;
}
