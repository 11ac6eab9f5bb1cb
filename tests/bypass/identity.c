// Ways to be taken for the app (corpus, Identity). Those that need an interpreter are in identity.py.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "attack.h"

static enum outcome dial(void) {
  const int socket = database_socket("127.0.0.1", SOCK_STREAM, 0);
  return socket < 0 ? BLOCKED : announce(socket);
}

// A copy of this program under the app's name and argv[0]; the variable tells the copy that it is one.
static enum outcome renamed(void) {
  if (getenv("COPIED") != NULL) {
    prctl(PR_SET_NAME, "app");
    return dial();
  }
  char bytes[65536];
  const int from = open("/proc/self/exe", O_RDONLY);
  const int to = open(scratch("app"), O_CREAT | O_WRONLY | O_TRUNC, 0755);
  for (ssize_t got; (got = read(from, bytes, sizeof bytes)) > 0;) (void)!write(to, bytes, (size_t)got);
  close(to);
  setenv("COPIED", "1", 1);
  execl(scratch("app"), text_of("APP"), case_name, (char*)NULL);
  return BLOCKED;
}

// Overwrites what /proc shows of its arguments, then asks for a record as libc would.
static enum outcome forged_arguments(void) {
  prctl(PR_SET_NAME, "app");
  char* own = (char*)(uintptr_t)case_name;
  own[0] = 'x';
  syscall(SYS_set_tid_address, NULL);
  own[0] = 'I';
  return dial();
}

static enum outcome forged_memory_map(void) {
  struct prctl_mm_map map;
  memset(&map, 0, sizeof map);
  unsigned size = 0;
  if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) == 0) return SUCCEEDED;
  return BLOCKED;
}
static enum outcome fixed_addresses(void) {
  return blocked_unless(personality(ADDR_NO_RANDOMIZE) >= 0);
}
static enum outcome fixed_addresses_high(void) {  // the kernel looks at 32 bits of it
  return blocked_unless(syscall(SYS_personality, 0x100000000L | ADDR_NO_RANDOMIZE) >= 0);
}

static void* victim(void) {
  return (void*)(uintptr_t)strtoul(text_of("VICTIM"), NULL, 10);
}
static enum outcome write_memory_file(void) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/mem", getppid());
  const int memory = open(path, O_RDWR);
  return blocked_unless(pwrite(memory, "evil", 4, (off_t)(uintptr_t)victim()) == 4);
}
static enum outcome write_memory_call(void) {
  const struct iovec from = {"evil", 4};
  const struct iovec to = {victim(), 4};
  return blocked_unless(process_vm_writev(getppid(), &from, 1, &to, 1, 0) == 4);
}
static enum outcome trace(void) {
  return blocked_unless(ptrace(PTRACE_SEIZE, getppid(), 0, 0) == 0);
}
static enum outcome steal_descriptor(void) {
  const int app = (int)syscall(SYS_pidfd_open, getppid(), 0);
  return blocked_unless(syscall(SYS_pidfd_getfd, app, 1, 0) >= 0);
}
static enum outcome perf(void) {
  char attributes[128] = {0};
  attributes[4] = (char)sizeof attributes;  // size; type 0 is PERF_TYPE_HARDWARE
  attributes[0] = 1;                        // PERF_TYPE_SOFTWARE
  attributes[40] = 0x60;                    // without the kernel's own side
  return blocked_unless(syscall(SYS_perf_event_open, attributes, 0, -1, -1, 0) >= 0);
}
static enum outcome unreadable(void) {
  prctl(PR_SET_DUMPABLE, 0);
  return dial();
}

const struct attack identity_attacks[] = {
    {"I1", renamed},
    {"I4", forged_memory_map},
    {"I5", fixed_addresses},
    {"I5b", fixed_addresses_high},
    {"I7", write_memory_file},
    {"I7b", write_memory_call},
    {"I7c", trace},
    {"I8", steal_descriptor},
    {"I10", perf},
    {"I15", unreadable},
    {"I19", forged_arguments},
    {NULL, NULL},
};
