// Starts a run that would last for minutes, prints the process id of cofferdam once the app runs, and waits to be
// killed.
#include <unistd.h>

#include <cofferdam/run.hpp>
#include <iostream>

int main(int, char** argv) {
  cofferdam::RunRequest request;
  request.command = {argv[1], "ignore", "say", "ready", "wait"};
  auto app = cofferdam::start(request);
  if (!app || !app->wait_for_output("ready", std::chrono::seconds(20))) return 1;
  std::cout << app->pid() << std::endl;
  for (;;) ::pause();
}
