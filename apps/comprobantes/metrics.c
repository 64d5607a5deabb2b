/* metrics.c - counters, and durations in log-linear buckets: eight to a doubling, so that a
 * quantile is told within 12 percent, in 1 KiB per stage, without a lock.
 *
 * Everything is added with relaxed order: the numbers are independent of each other. */
#include "metrics.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const stage_names[STAGE_COUNT] = { "attach", "validate", "store", "notify" };

static size_t bucket_of(uint64_t us)
{
	int top = us ? 63 - __builtin_clzll(us) : 0;
	size_t i = us < 16 ? us : 16 + (size_t)(top - 4) * 8 + (us >> (top - 3) & 7);

	return i < METRICS_BUCKETS ? i : METRICS_BUCKETS - 1;
}

/* The first value, in microseconds, that is beyond bucket i. */
static uint64_t bucket_end(size_t i)
{
	return i < 16 ? i + 1 : (uint64_t)(8 + (i - 16) % 8 + 1) << ((i - 16) / 8 + 1);
}

void metrics_stage(struct metrics *m, enum stage stage, tl_time since)
{
	struct metrics_times *t = &m->times[stage];
	int64_t ns = tl_now().ns - since.ns;
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	uint64_t max = atomic_load_explicit(&t->max_us, memory_order_relaxed);

	metrics_add(&t->count);
	atomic_fetch_add_explicit(&t->sum_us, us, memory_order_relaxed);
	atomic_fetch_add_explicit(&t->bucket[bucket_of(us)], 1, memory_order_relaxed);
	while (us > max && !atomic_compare_exchange_weak_explicit(&t->max_us, &max, us,
				   memory_order_relaxed, memory_order_relaxed))
		continue;
}

/* In seconds; not beyond the greatest that was seen. */
static double quantile(struct metrics_times *t, double q)
{
	uint64_t max = atomic_load_explicit(&t->max_us, memory_order_relaxed);
	uint64_t all = atomic_load_explicit(&t->count, memory_order_relaxed), seen = 0;

	for (size_t i = 0; all > 0 && i < METRICS_BUCKETS; i++) {
		seen += atomic_load_explicit(&t->bucket[i], memory_order_relaxed);
		if ((double)seen >= q * (double)all && bucket_end(i) < max)
			return (double)bucket_end(i) / 1e6;
		if ((double)seen >= q * (double)all)
			break;
	}
	return (double)max / 1e6;
}

struct out {
	char *at, *end;
};

__attribute__((format(printf, 2, 3))) static void put(struct out *o, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(o->at, (size_t)(o->end - o->at), format, args);
	va_end(args);
	if (n > 0 && n < o->end - o->at)
		o->at += n;
	else
		*o->at = 0; /* a line that does not fit is left out */
}

static void put_counter(struct out *o, const char *name, const char *help, _Atomic uint64_t *value)
{
	put(o, "# HELP %s %s\n# TYPE %s counter\n%s %llu\n", name, help, name, name,
		(unsigned long long)atomic_load_explicit(value, memory_order_relaxed));
}

static void put_rejected(struct out *o, struct metrics *m)
{
	put(o, "# HELP comprobantes_rejected_total Requests answered with an error, by reason.\n"
	       "# TYPE comprobantes_rejected_total counter\n");
	for (int i = WHY_NONE + 1; i < WHY_COUNT; i++) {
		uint64_t n = 0;
		bool first = true;
		/* Several reasons may share a label: they are told together, at the first one. */
		for (int k = WHY_NONE + 1; k < WHY_COUNT; k++) {
			if (strcmp(why_info[k].label, why_info[i].label) != 0)
				continue;
			first &= k >= i;
			n += atomic_load_explicit(&m->rejected[k], memory_order_relaxed);
		}
		if (first)
			put(o, "comprobantes_rejected_total{reason=\"%s\"} %llu\n",
				why_info[i].label, (unsigned long long)n);
	}
}

static void put_stages(struct out *o, struct metrics *m)
{
	static const struct {
		double q;
		const char *text;
	} quantiles[] = { { 0.5, "0.5" }, { 0.99, "0.99" }, { 1, "1" } };

	put(o, "# HELP comprobantes_stage_seconds How long a receipt was in a stage.\n"
	       "# TYPE comprobantes_stage_seconds summary\n");
	for (int s = 0; s < STAGE_COUNT; s++) {
		struct metrics_times *t = &m->times[s];
		for (size_t i = 0; i < 3; i++)
			put(o, "comprobantes_stage_seconds{stage=\"%s\",quantile=\"%s\"} %.6f\n",
				stage_names[s], quantiles[i].text, quantile(t, quantiles[i].q));
		put(o, "comprobantes_stage_seconds_sum{stage=\"%s\"} %.6f\n", stage_names[s],
			(double)atomic_load_explicit(&t->sum_us, memory_order_relaxed) / 1e6);
		put(o, "comprobantes_stage_seconds_count{stage=\"%s\"} %llu\n", stage_names[s],
			(unsigned long long)atomic_load_explicit(&t->count, memory_order_relaxed));
	}
}

/* Resident and peak memory of this process, from /proc/self/status. */
static void put_memory(struct out *o)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long long kib;
	char line[128];

	while (f && fgets(line, sizeof line, f)) {
		if (sscanf(line, "VmRSS: %llu", &kib) == 1)
			put(o,
				"# TYPE process_resident_memory_bytes gauge\n"
				"process_resident_memory_bytes %llu\n",
				kib << 10);
		if (sscanf(line, "VmHWM: %llu", &kib) == 1)
			put(o,
				"# TYPE process_peak_memory_bytes gauge\n"
				"process_peak_memory_bytes %llu\n",
				kib << 10);
	}
	if (f)
		fclose(f);
}

size_t metrics_text(
	struct metrics *m, const struct metrics_gauge *gauges, size_t n, char *buf, size_t cap)
{
	struct out o = { buf, buf + cap };

	*buf = 0;
	put_counter(&o, "comprobantes_accepted_total", "Receipts accepted.", &m->accepted);
	put_counter(&o, "comprobantes_repeated_total", "Receipts sent again by their student.",
		&m->repeated);
	put_counter(&o, "comprobantes_notified_total", "Notices delivered.", &m->notified);
	put_counter(&o, "comprobantes_requests_total", "Requests begun.", &m->requests);
	put_counter(&o, "comprobantes_connections_total", "Connections taken.", &m->connections);
	put_rejected(&o, m);
	put_stages(&o, m);
	for (size_t i = 0; i < n; i++) {
		const struct metrics_gauge *g = &gauges[i];
		if (i == 0 || strcmp(g->name, gauges[i - 1].name) != 0)
			put(&o, "# HELP %s %s\n# TYPE %s gauge\n", g->name, g->help, g->name);
		put(&o, "%s%s%s%s %llu\n", g->name, *g->label ? "{" : "", g->label,
			*g->label ? "}" : "", (unsigned long long)g->value);
	}
	put_memory(&o);
	return (size_t)(o.at - buf);
}
