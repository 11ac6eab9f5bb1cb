/* What a program does to files, counted and timed. Prints the nanoseconds of one step.
 *
 *   files r FILE COUNT      opens FILE for reading and closes it
 *   files w FILE COUNT      the same for writing
 *   files churn DIR COUNT   creates a file of a new name, writes a byte, closes and unlinks it
 *   files fill DIR COUNT    creates COUNT files of one byte, 1,000 in each directory
 *
 * 20 steps go before the clock starts, except for `fill`. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void must(int good, const char *what) {
  if (good) return;
  perror(what);
  exit(1);
}

static void write_file(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  must(fd >= 0 && write(fd, "x", 1) == 1, path);
  close(fd);
}

static void step(const char *mode, const char *place, long i) {
  char path[4096];
  if (mode[0] == 'r' || mode[0] == 'w') {
    int fd = open(place, (mode[0] == 'w' ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
    must(fd >= 0, place);
    close(fd);
  } else if (mode[0] == 'c') {
    snprintf(path, sizeof path, "%s/file-%ld", place, i);
    write_file(path);
    must(unlink(path) == 0, path);
  } else {
    snprintf(path, sizeof path, "%s/%ld", place, i / 1000);
    if (i % 1000 == 0) must(mkdir(path, 0755) == 0, path);
    snprintf(path, sizeof path, "%s/%ld/file-%ld", place, i / 1000, i);
    write_file(path);
  }
}

int main(int argc, char **argv) {
  if (argc != 4 || !strchr("rwcf", argv[1][0])) return 2;
  long count = atol(argv[3]);
  struct timespec a, b;
  for (long i = argv[1][0] == 'f' ? 0 : -20; i < count; i++) {
    if (i == 0) clock_gettime(CLOCK_MONOTONIC, &a);
    step(argv[1], argv[2], i);
  }
  clock_gettime(CLOCK_MONOTONIC, &b);
  printf("%.1f\n", ((b.tv_sec - a.tv_sec) * 1e9 + (b.tv_nsec - a.tv_nsec)) / count);
  return 0;
}
