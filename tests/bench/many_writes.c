/* The load behind the storage figures of docs/benchmarks.md: many writes, as fast as one process makes them.
 *
 *   gcc -O2 -static -o many_writes tests/bench/many_writes.c
 *   many_writes distinct DIRECTORY COUNT FOLDERS   creates COUNT files of 4 bytes in FOLDERS folders (f0, f1, ...)
 *   many_writes same     DIRECTORY COUNT FILES     opens FILES files (w0, w1, ...) for writing, COUNT opens in all
 *
 * Prints one line of JSON on stdout when it is done: {"seconds":S,"rate":R,"median_us":M}; `median_us` is the median of
 * one open, write and close. tests/bench/many_writes.py runs it under cofferdam and reads the launcher's memory. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int by_value(const void *a, const void *b) {
  float left = *(const float *)a, right = *(const float *)b;
  return (left > right) - (left < right);
}

static void write_one(const char *path) {
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (fd < 0 || write(fd, "data", 4) != 4 || close(fd) != 0) {
    perror(path);
    exit(1);
  }
}

int main(int argc, char **argv) {
  if (argc != 5) {
    fprintf(stderr, "usage: many_writes distinct|same DIRECTORY COUNT FOLDERS|FILES\n");
    return 2;
  }
  int distinct = strcmp(argv[1], "distinct") == 0;
  long count = atol(argv[3]), groups = atol(argv[4]);
  if (count < 1 || groups < 1) return 2;
  float *took = malloc((size_t)count * sizeof *took);
  if (took == NULL) return 1;
  char path[4096];
  for (long i = 0; distinct && i < groups; i++) {
    snprintf(path, sizeof path, "%s/f%ld", argv[2], i);
    if (mkdir(path, 0755) != 0) {
      perror(path);
      return 1;
    }
  }
  double start = now(), before = start;
  for (long i = 0; i < count; i++) {
    if (distinct)
      snprintf(path, sizeof path, "%s/f%ld/file-%ld.dat", argv[2], i % groups, i);
    else
      snprintf(path, sizeof path, "%s/w%ld", argv[2], i % groups);
    write_one(path);
    double after = now();
    took[i] = (float)(after - before);
    before = after;
  }
  double seconds = now() - start;
  qsort(took, (size_t)count, sizeof *took, by_value);
  printf("{\"seconds\":%.3f,\"rate\":%.0f,\"median_us\":%.2f}\n", seconds, (double)count / seconds,
         (double)took[count / 2] * 1e6);
  return 0;
}
