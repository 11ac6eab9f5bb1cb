// Ends, or goes on, with the sanitizer's report named by its argument.
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>

static int shared;

__attribute__((noinline)) int* freed() {
  int* memory = new int[4];
  delete[] memory;
  return memory;
}

int main(int argc, char** argv) {
  const std::string which = argc > 1 ? argv[1] : "";
  if (which == "freed") return freed()[argc];
  if (which == "heap") {
    char* memory = static_cast<char*>(std::malloc(10));
    memory[9 + argc] = 1;
    std::printf("%c\n", memory[9 + argc]);
  }
  if (which == "stack") {
    int array[4] = {};
    std::memset(array, 1, sizeof array + argc);
  }
  if (which == "leak") {
    int* lost = new int[20];
    lost[0] = argc;
    int* volatile sink = lost;
    sink = nullptr;
    char* volatile other = static_cast<char*>(std::malloc(3));
    other = nullptr;
  }
  if (which == "null") {
    int* volatile none = nullptr;
    return *none;
  }
  if (which == "twice") {
    int* memory = new int;
    delete memory;
    delete memory;
  }
  if (which == "overflow") {
    volatile int number = INT_MAX;
    number = number + argc;
  }
  if (which == "shift") {
    volatile int by = 40;
    std::printf("%d\n", argc << by);
  }
  if (which == "race") {
    std::thread one([] { ++shared; });
    std::thread two([] { ++shared; });
    one.join();
    two.join();
  }
  return 0;
}
