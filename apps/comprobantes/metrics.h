/* metrics.h - what the service counts.  Any strand may add; a reader sees each number as of just
 * now. */
#ifndef METRICS_H
#define METRICS_H
#include "why.h"
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <telar.h>

enum stage { STAGE_ATTACH, STAGE_VALIDATE, STAGE_STORE, STAGE_NOTIFY, STAGE_COUNT };

#define METRICS_BUCKETS 320

struct metrics_times {
	_Atomic uint64_t count, sum_us, max_us;
	_Atomic uint32_t bucket[METRICS_BUCKETS];
};

struct metrics {
	_Atomic uint64_t accepted, repeated, notified, requests, connections;
	_Atomic uint64_t rejected[WHY_COUNT];
	struct metrics_times times[STAGE_COUNT];
};

/* A gauge that is read from elsewhere at the moment of asking. */
struct metrics_gauge {
	const char *name, *label, *help; /* label: "key=\"value\"", or "" */
	uint64_t value;
};

static inline void metrics_add(_Atomic uint64_t *counter)
{
	atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/* A receipt has left `stage`, which it entered at `since`. */
void metrics_stage(struct metrics *m, enum stage stage, tl_time since);

/* All as Prometheus text; answers its length, at most cap - 1.  Source: the text exposition format
 * 0.0.4. */
size_t metrics_text(
	struct metrics *m, const struct metrics_gauge *gauges, size_t n, char *buf, size_t cap);

#endif
