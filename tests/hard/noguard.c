/* noguard.c - run a program under a kernel that has no guard pages to give: MADV_GUARD_INSTALL is
 * not known, and no memory is made unusable.
 *	noguard PROGRAM [ARGUMENT]... */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { GUARD_INSTALL = 102 };
#define FIELD(field)        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))
#define ANSWER(what)        BPF_STMT(BPF_RET | BPF_K, (what))

static struct sock_filter filter[] = {
	FIELD(nr),
	UNLESS(SYS_madvise, 3),
	FIELD(args[2]),
	UNLESS(GUARD_INSTALL, 5),
	ANSWER(SECCOMP_RET_ERRNO | EINVAL),
	UNLESS(SYS_mprotect, 3),
	FIELD(args[2]),
	UNLESS(PROT_NONE, 1),
	ANSWER(SECCOMP_RET_ERRNO | EPERM),
	ANSWER(SECCOMP_RET_ALLOW),
};

int main(int argc, char **argv)
{
	struct sock_fprog all = { sizeof filter / sizeof *filter, filter };

	if (argc < 2)
		return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) < 0) {
		puts("this system does not filter system calls");
		return 77;
	}
	execv(argv[1], argv + 1);
	perror(argv[1]);
	return 1;
}
