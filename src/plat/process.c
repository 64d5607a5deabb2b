/* process.c - the clock, the processors, and who is who. */
#include "plat/linux.h"
#include "plat/plat.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

int64_t plat_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

pid_t plat_thread_id(void) { return (pid_t)syscall(SYS_gettid); }

void plat_random(void *buf, size_t n)
{
	if (getrandom(buf, n, GRND_NONBLOCK) == (ssize_t)n)
		return;
	for (size_t i = 0; i < n; i++) /* too early after boot: unlikely numbers will do */
		((unsigned char *)buf)[i] = (unsigned char)(plat_now() >> (i % 24));
}

/* The text of a small file of the kernel's; its length, or < 0. */
static ssize_t slurp(const char *path, char *buf, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, buf, cap - 1);
	close(fd);
	buf[n > 0 ? n : 0] = 0;
	return n;
}

/* cgroups(7), version 2: "max 100000" or "150000 100000", microseconds per period, in the folder of
 * our own group or of any above it. */
static int quota(int cpus)
{
	char own[512], path[640], text[64];
	char *group;
	long long use, period;

	if (slurp("/proc/self/cgroup", own, sizeof own) <= 0 || !(group = strstr(own, "0::/")))
		return cpus;
	group += 3;
	group[strcspn(group, "\n")] = 0;
	for (;;) {
		snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", group);
		if (slurp(path, text, sizeof text) > 0 &&
			sscanf(text, "%lld %lld", &use, &period) == 2 && period > 0) {
			long long n = (use + period - 1) / period;
			if (n >= 1 && n < cpus)
				cpus = (int)n;
		}
		char *slash = strrchr(group, '/');
		if (!slash)
			return cpus;
		*slash = 0;
	}
}

int plat_cpu_count(void)
{
	cpu_set_t set;
	int n = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set)
							    : (int)sysconf(_SC_NPROCESSORS_ONLN);

	return quota(n > 0 ? n : 1);
}

int plat_cpu(void) { return sched_getcpu(); }

/* Number n in proc(5)'s stat of a process; 0: unknown. */
static uint64_t stat_field(const char *path, int n)
{
	char text[1024], *p;
	unsigned long long value = 0;

	if (slurp(path, text, sizeof text) <= 0 || !(p = strrchr(text, ')')))
		return 0;
	for (int field = 2; p && field < n; field++)
		p = strchr(p + 1, ' ');
	if (p)
		sscanf(p, "%llu", &value);
	return value;
}

/* The time a process began, in clock ticks since boot. */
static uint64_t begin_of(pid_t pid)
{
	char path[40];

	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	return stat_field(path, 22);
}

/* Not by the entries of /proc/self/task: a thread that ends while they are listed hides those that
 * come after it. */
int plat_thread_count(void)
{
	uint64_t n = stat_field("/proc/self/stat", 20);

	return n ? (int)n : -ESRCH;
}

/* In a container there is one already, and the mode does not tell of those that are added. */
uint32_t plat_filter_count(void)
{
	static const char key[] = "\nSeccomp_filters:";
	char text[4096], *at;

	if (slurp("/proc/self/status", text, sizeof text) <= 0 || !(at = strstr(text, key)))
		return 0;
	return (uint32_t)strtoul(at + sizeof key - 1, NULL, 10);
}

int plat_poll(int fd, int events)
{
	struct pollfd p = { .fd = fd, .events = (short)events };
	int r;

	do
		r = poll(&p, 1, 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r ? p.revents : 0;
}

/* Of a process that runs, by its pidfd. */
static uint64_t stamp_by(int fd, pid_t pid)
{
	struct statfs fs;
	struct stat st;
	uint64_t stamp = 0;

	if (fstatfs(fd, &fs) == 0 && fs.f_type != PLAT_PIDFS_MAGIC)
		stamp = begin_of(pid);
	else if (fstat(fd, &st) == 0)
		stamp = st.st_ino;
	return stamp ? stamp : PLAT_RUNS;
}

uint64_t plat_process_stamp(pid_t pid)
{
	int fd = (int)syscall(SYS_pidfd_open, pid, 0);
	uint64_t stamp;

	if (fd < 0 && errno == ENOSYS)
		return begin_of(pid);
	if (fd < 0)
		return errno == ESRCH || (kill(pid, 0) < 0 && errno == ESRCH) ? 0 : PLAT_RUNS;
	stamp = plat_poll(fd, POLLIN) > 0 ? 0 : stamp_by(fd, pid);
	close(fd);
	return stamp;
}
