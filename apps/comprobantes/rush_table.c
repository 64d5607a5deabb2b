/* rush_table.c - what rush shows: bars while it runs (a line a second without a terminal), and the
 * table at the end. */
#include "rush.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BAR 20

static void bar(char *out, uint32_t part, uint32_t whole)
{
	uint32_t n = whole ? (uint64_t)part * BAR / whole : 0;

	for (uint32_t i = 0; i < BAR; i++)
		out[i] = i < n ? '#' : '.';
	out[BAR] = 0;
}

void rush_progress(struct rush_run *run, bool last)
{
	static int64_t shown_ns;
	static int terminal = -1;
	uint32_t n = run->opts->students;
	/* Notices may be out before their answers have come. */
	uint32_t due = run->accepted > run->notified ? run->accepted : run->notified;
	static char shown[256];
	char answered[BAR + 1], notified[BAR + 1], line[256];
	int64_t now = tl_now().ns;

	if (run->opts->quiet)
		return;
	if (terminal < 0)
		terminal = isatty(STDERR_FILENO);
	if (!last && now - shown_ns < (terminal ? 100000000 : 1000000000))
		return;
	shown_ns = now;
	bar(answered, run->answered, n);
	bar(notified, run->notified, due);
	if (run->answered == 0 && run->connected < n)
		snprintf(line, sizeof line, "connected %u of %u", run->connected, n);
	else
		snprintf(line, sizeof line,
			"answered [%s] %u/%u  notified [%s] %u/%u  503: %u  %.0f MiB", answered,
			run->answered, n, notified, run->notified, due, run->busy,
			run->sent / 1048576.0);
	if (terminal)
		fprintf(stderr, "\r%s\033[K%s", line, last ? "\n" : "");
	else if (strcmp(line, shown) != 0)
		fprintf(stderr, "rush: %s\n", strcpy(shown, line));
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* The smallest value that at least `share` hundredths are not above. */
static int64_t percentile(const int64_t *sorted, uint32_t n, uint32_t share)
{
	uint32_t k = ((uint64_t)n * share + 99) / 100;

	return n ? sorted[k ? k - 1 : 0] : 0;
}

static void line(const char *what, int64_t *ms, uint32_t n)
{
	qsort(ms, n, sizeof *ms, by_size);
	printf("  %-9s %7u %9lld %9lld %9lld\n", what, n, (long long)percentile(ms, n, 50),
		(long long)percentile(ms, n, 99), (long long)(n ? ms[n - 1] : 0));
}

void rush_table(struct rush_run *run)
{
	static const char *const stage[] = { "attach", "validate", "store", "notify" };
	const struct rush_plan *p = &run->plan;
	uint32_t n = run->opts->students, answers = 0;
	int64_t *waits = calloc(n, sizeof *waits);

	printf("%u students at once, %.1f MiB of files, seed %llu\n", n, p->bytes / 1048576.0,
		(unsigned long long)p->seed);
	printf("  whole %u, truncated %u, oversized %u, mistyped %u, duplicate %u\n",
		p->shares[RUSH_WHOLE], p->shares[RUSH_TRUNCATED], p->shares[RUSH_OVERSIZED],
		p->shares[RUSH_MISTYPED], p->shares[RUSH_TWIN]);
	printf("  %-9s %7s %9s %9s %9s\n", "stage", "count", "p50 ms", "p99 ms", "max ms");
	for (int i = 0; i < RUSH_STAGES; i++)
		line(stage[i], run->times[i], run->rows);
	for (uint32_t i = 0; waits && i < n; i++) {
		if (run->results[i].status)
			waits[answers++] = run->results[i].waited_ns / 1000000;
	}
	if (waits)
		line("answer", waits, answers);
	free(waits);
	printf("  told to come later (503) %u, timed out (408) %u, connections lost %u, killed "
	       "%u\n",
		run->busy, run->late, run->dropped, run->kills);
	printf("  service: %.2f s of CPU, %.2f ms per upload, %.1f MiB at its peak\n",
		run->server.cpu_s, run->server.cpu_s * 1000 / n, run->server.peak_kib / 1024.0);
}
