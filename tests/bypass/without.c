// without CALL COMMAND...: runs it where one system call fails. CALL is pidfd_getfd, which containers that may mount
// but not trace refuse (cofferdam then makes the sockets itself, in local mode as well), or landlock, which an older
// kernel or its configuration doesn't have.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const int landlock = strcmp(argv[1], "landlock") == 0;
  const unsigned number = landlock ? SYS_landlock_create_ruleset : SYS_pidfd_getfd;
  const unsigned error = landlock ? ENOSYS : EPERM;
  struct sock_filter code[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | error),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog program = {sizeof code / sizeof *code, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0) execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
