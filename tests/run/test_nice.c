/* What .nice does to a thread, and what becomes of one that may not have it. */
#include "strands.h"
#include <errno.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static int nice_here(void)
{
	errno = 0;
	return getpriority(PRIO_PROCESS, (id_t)gettid());
}

static int tells_nice(void *arg)
{
	*(int *)arg = nice_here();
	return errno ? -errno : 0;
}

static int of_child(int nice)
{
	tl_thread_opts how = { .nice = nice };
	tl_scope s = { 0 };
	int seen = 99;

	tl_scope_open(&s);
	tl_thread_start(&s, tells_nice, &seen, &(tl_opts){ .thread = &how });
	CHECK_EQ(tl_scope_close(&s), 0);
	return seen;
}

static int has_children(void *base)
{
	CHECK_EQ(nice_here(), *(int *)base + 2);
	CHECK_EQ(of_child(0), *(int *)base + 2); /* 0: its starter's */
	CHECK_EQ(of_child(*(int *)base + 3), *(int *)base + 3);
	CHECK_EQ(nice_here(), *(int *)base + 2);
	return 0;
}

/* D7: a nice value applies to its thread alone */
TEST(of_one_thread_alone)
{
	int base = nice_here();
	tl_thread_opts how = { .nice = base + 2 };
	tl_scope s = { 0 };

	if (base < 0 || base > 15)
		SKIP("this process is at the end of the scale itself");
	CHECK_EQ(of_child(0), base);
	tl_scope_open(&s);
	tl_thread_start(&s, has_children, &base, &(tl_opts){ .thread = &how });
	CHECK_EQ(tl_scope_close(&s), 0);
	CHECK_EQ(nice_here(), base);
	CHECK_EQ(of_child(0), base);
}

/* Neither the capability nor the limit that would do in its place. */
static void give_up_the_right(void)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct sets[2];

	CHECK_EQ(syscall(SYS_capget, &head, sets), 0);
	sets[0].effective &= ~(1u << CAP_SYS_NICE);
	sets[0].permitted &= ~(1u << CAP_SYS_NICE);
	CHECK_EQ(syscall(SYS_capset, &head, sets), 0);
	CHECK_EQ(setrlimit(RLIMIT_NICE, &(struct rlimit){ 0, 0 }), 0);
}

static int counts(void *n)
{
	++*(int *)n;
	return 0;
}

TEST(who_may_not_have_it_fails)
{
	tl_thread_opts how = { .nice = -5 };
	tl_scope s = { 0 };
	tl_end end;
	tl_strand t;
	int n = 0;

	give_up_the_right();
	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, counts, &n, &(tl_opts){ .thread = &how }), 0);
	CHECK_EQ(tl_scope_close(&s), -EPERM);
	CHECK_EQ(n, 0);

	s = (tl_scope){ .keep_going = true };
	tl_scope_open(&s);
	CHECK_EQ(tl_thread_start(&s, counts, &n, &(tl_opts){ .thread = &how, .ret = &t }), 0);
	CHECK_EQ(tl_join(t, &end, TL_NEVER), 0);
	CHECK_EQ(end.how, TL_RETURNED);
	CHECK_EQ(end.value, -EPERM);
	CHECK_EQ(tl_scope_close(&s), -EPERM);
	CHECK_EQ(n, 0);
}
