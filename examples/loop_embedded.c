/* loop_embedded.c - heavy work kept away from the main loop of a window (the manual's graphical
 * example, without the graphics): a loop of poll(2) with a timer of its own draws a frame every
 * 10 ms, and tasks on the same thread sleep, read a stream and have a helper count primes, all by
 * one descriptor.  Nobody blocks the window, and nobody needs a lock for what it shows.
 *
 * Under GLib the two lines with tl_loop_fd and tl_loop_turn become
 *	g_unix_fd_add(tl_loop_fd(), G_IO_IN, turn, NULL);   // turn: tl_loop_turn(); return TRUE;
 * and under Qt a QSocketNotifier on the same descriptor. */
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <telar.h>

enum { FRAME_MS = 10, CHUNKS = 5 };

static struct window {
	int seconds, percent, frames; /* what it shows; touched by this thread alone */
	int primes;
} window;

static int run_clock(void *arg)
{
	struct window *w = arg;

	for (;;) {
		if (tl_sleep(tl_ms(20)) < 0)
			return 0; /* a short second, but it shows the principle */
		w->seconds++;
	}
}

static int upload(void *arg)
{
	tl_stream *to = arg;
	char chunk[1024] = { 0 };

	for (int i = 0; i < CHUNKS; i++) {
		int r = tl_write_all(to, chunk, sizeof chunk, NULL, tl_after(tl_s(5)));

		if (r < 0)
			return r;
		if ((r = tl_sleep(tl_ms(15))) < 0)
			return r;
	}
	return tl_shut(to);
}

static int download(void *arg)
{
	char buf[512];
	long got = 0;
	ssize_t n;

	while ((n = tl_read(arg, buf, sizeof buf, tl_after(tl_s(5)))) > 0) {
		got += n;
		window.percent = (int)(100 * got / (CHUNKS * 1024));
	}
	printf("download: %ld bytes, %d%%\n", got, window.percent);
	return (int)n;
}

/* Seconds of work on slower machines, on a thread of its own: the record is copied there and back.
 */
static int count_primes(void *record)
{
	int *n = record, found = 0;

	for (int i = 2; i < *n; i++) {
		int d = 2;

		while (d * d <= i && i % d)
			d++;
		found += d * d > i;
	}
	*n = found;
	return 0;
}

static int heavy(void *arg)
{
	struct window *w = arg;
	int n = 200000, r = tl_offload(count_primes, &n, sizeof n, TL_NEVER);

	if (r < 0)
		return r;
	w->primes = n;
	printf("heavy: %d primes below 200000\n", n);
	return 0;
}

/* The host: not a line of it knows what a task is, but for its one descriptor.  It ends when the
 * strand of which it is told has. */
static int main_loop(struct window *w, tl_strand until)
{
	tl_time frame = tl_now();

	while (tl_alive(until)) {
		int64_t left = frame.ns - tl_now().ns;
		struct pollfd p = { .fd = tl_loop_fd(), .events = POLLIN };

		if (p.fd < 0)
			return p.fd;
		poll(&p, 1, left > 0 ? (int)((left + 999999) / 1000000) : 0);
		if (p.revents)
			tl_loop_turn();
		if (tl_now().ns >= frame.ns) {
			w->frames++; /* here it would draw */
			frame = tl_after(tl_ms(FRAME_MS));
		}
	}
	return 0;
}

/* What the window waits for: all its tasks, in a scope of their own. */
static int work(void *arg)
{
	int ends[2];
	tl_stream *from, *to;
	tl_scope s = { .name = "work" };
	int r;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) < 0)
		return -1;
	if ((r = tl_stream_adopt(&from, ends[0])) < 0 || (r = tl_stream_adopt(&to, ends[1])) < 0)
		return r;
	tl_scope_open(&s);
	tl_task_start(&s, run_clock, arg, &(tl_opts){ .daemon = true });
	tl_task_start(&s, upload, to, NULL);
	tl_task_start(&s, download, from, NULL);
	tl_task_start(&s, heavy, arg, NULL);
	r = tl_scope_close(&s);
	tl_close(from, TL_NEVER);
	tl_close(to, TL_NEVER);
	return r;
}

int main(void)
{
	tl_strand all;
	int r;

	tl_task_start(NULL, work, &window, &(tl_opts){ .ret = &all, .name = "work" });
	r = main_loop(&window, all);
	tl_loop_close();
	if (r == 0)
		printf("window: the clock went %s, and there were frames %s\n",
			window.seconds > 0 ? "on" : "nowhere",
			window.frames > 1 ? "all the while" : "of nothing");
	return r < 0 ? 1 : tl_finish();
}
