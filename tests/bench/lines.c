/* lines BYTES block|line: writes lines of 110 bytes to stdout, as stdio buffers them in a pipe (4 KiB) or one write each.
 * Then, on stderr: seconds from the first write to the last, and the CPU seconds of this process. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double seconds(struct timeval at) { return (double)at.tv_sec + (double)at.tv_usec / 1e6; }

static double now(void) {
  struct timespec at;
  clock_gettime(CLOCK_MONOTONIC, &at);
  return (double)at.tv_sec + (double)at.tv_nsec / 1e9;
}

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  static char line[128] =
      "2026-01-31T12:00:00.000Z INFO [worker-3] request done path=/items/00000000 status=200 ms=12 bytes=5120 user=00042\n";
  const size_t size = 111;
  line[size - 1] = '\n';
  char* const number = strstr(line, "00000000");
  static char buffer[4096];
  setvbuf(stdout, buffer, strcmp(argv[2], "line") == 0 ? _IOLBF : _IOFBF, sizeof buffer);
  const long long count = atoll(argv[1]) / (long long)size;
  const double begin = now();
  for (long long i = 0; i < count; ++i) {
    for (int digit = 7; digit >= 0 && ++number[digit] > '9'; --digit) number[digit] = '0';
    if (fwrite(line, 1, size, stdout) != size) return 1;
  }
  if (fflush(stdout) != 0) return 1;
  const double took = now() - begin;
  struct rusage used;
  getrusage(RUSAGE_SELF, &used);
  fprintf(stderr, "%lld %.6f %.6f\n", count, took, seconds(used.ru_utime) + seconds(used.ru_stime));
  return 0;
}
