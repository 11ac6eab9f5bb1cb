// Ways to be taken for the app (corpus, Identity). Those that need an interpreter are in identity.py.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/prctl.h>
#include <signal.h>
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
#include <sys/wait.h>
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
// The app's own program, started by somebody else until its addresses are those of the app by chance.
static enum outcome same_program_often(void) {
  for (int i = 0; i < 40; ++i) {
    if (fork() == 0) {
      dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
      execl(text_of("APP"), "app", "none", "@I6", (char*)NULL);
      _exit(1);
    }
  }
  while (wait(NULL) > 0) continue;
  return SUCCEEDED;
}
// Callers that are killed in the middle of their connects, while others are born.
static enum outcome dying_callers(void) {
  for (int i = 0; i < 150; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      for (;;) {
        const int fd = database_socket("127.0.0.1", SOCK_STREAM, 0);
        if (fd >= 0) announce(fd);
        close(fd);
      }
    }
    usleep((useconds_t)(200 + 7 * i));
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
  }
  return SUCCEEDED;
}
// exit(42) in 32-bit code: mov eax, 1; mov ebx, 42; int 0x80. Its header says i386.
static enum outcome old_program(void) {
  static const unsigned char code[] = {0xb8, 1, 0, 0, 0, 0xbb, 42, 0, 0, 0, 0xcd, 0x80};
  Elf32_Ehdr header = {.e_type = ET_EXEC, .e_machine = EM_386, .e_version = 1, .e_ehsize = sizeof header};
  memcpy(header.e_ident, ELFMAG "\1\1\1", 7);
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf32_Phdr);
  header.e_phnum = 1;
  const unsigned size = sizeof header + sizeof(Elf32_Phdr);
  header.e_entry = 0x8048000 + size;
  const Elf32_Phdr part = {PT_LOAD, 0, 0x8048000, 0x8048000, size + sizeof code, size + sizeof code, PF_R | PF_X, 4096};
  const int file = open(scratch("old"), O_CREAT | O_WRONLY | O_TRUNC, 0755);
  (void)!write(file, &header, sizeof header);
  (void)!write(file, &part, sizeof part);
  (void)!write(file, code, sizeof code);
  close(file);
  const pid_t child = fork();
  if (child == 0) {
    execl(scratch("old"), "old", (char*)NULL);
    _exit(errno == ENOEXEC ? 43 : 44);
  }
  int status = 0;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) return WTERMSIG(status) == SIGSYS ? BLOCKED : UNSUPPORTED;
  return WEXITSTATUS(status) == 42 ? SUCCEEDED : WEXITSTATUS(status) == 43 ? UNSUPPORTED : BLOCKED;
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
    {"I6", same_program_often},
    {"I7", write_memory_file},
    {"I7b", write_memory_call},
    {"I7c", trace},
    {"I8", steal_descriptor},
    {"I10", perf},
    {"I14", dying_callers},
    {"I15", unreadable},
    {"I17", old_program},
    {"I19", forged_arguments},
    {NULL, NULL},
};
