/* stages.c - opening, starting and ending the stages, from front to back.
 *
 * Order of the end: connections, validate, store, notify.  Each queue is ended when nobody is left
 * who puts into it, so that every receipt in the house reaches its answer. */
#include "stages.h"
#include <stdio.h>

static int open_queue(tl_queue **ret, const char *name, size_t capacity, size_t item)
{
	return tl_queue_open(
		ret, &(tl_queue_opts){ .name = name, .capacity = capacity, .max_item = item });
}

int stages_open(struct service *s, char *problem, size_t cap)
{
	int r = open_queue(&s->validate, "validate", SERVICE_DEPTH, sizeof(struct job *));

	if (r == 0)
		r = open_queue(&s->store, "store", SERVICE_DEPTH, sizeof(struct job *));
	if (r == 0)
		r = open_queue(&s->notify, "notify", SERVICE_DEPTH, sizeof(struct notice));
	if (r < 0) {
		snprintf(problem, cap, "there is no memory to begin with");
		return r;
	}
	s->validators = tl_cpu_count();
	if (s->validators > SERVICE_VALIDATORS)
		s->validators = SERVICE_VALIDATORS;
	for (int i = 0; i < s->validators; i++) {
		s->magic[i] = validate_open(problem, cap);
		if (!s->magic[i])
			return -1;
	}
	return 0;
}

void stages_close(struct service *s)
{
	for (int i = 0; i < SERVICE_VALIDATORS; i++)
		s->magic[i] = validate_close(s->magic[i]);
	s->validate = tl_queue_close(s->validate);
	s->store = tl_queue_close(s->store);
	s->notify = tl_queue_close(s->notify);
}

int stages_start(struct service *s, tl_scope *scope)
{
	int r = 0;

	for (int i = 0; i < s->validators && r >= 0; i++) {
		struct validate_arg arg = { s, i };
		r = tl_thread_start(scope, validate_strand, &arg,
			&(tl_opts){
				.name = "validate", .ret = &s->validating[i], .copy = sizeof arg });
	}
	if (r >= 0)
		r = tl_thread_start(
			scope, store_strand, s, &(tl_opts){ .name = "store", .ret = &s->storing });
	if (r >= 0)
		r = tl_thread_start(scope, notify_strand, s,
			&(tl_opts){ .name = "notify", .ret = &s->notifying });
	return r < 0 ? r : 0;
}

void stages_end(struct service *s, tl_time deadline)
{
	tl_queue_end(s->validate);
	for (int i = 0; i < s->validators; i++)
		tl_join(s->validating[i], NULL, TL_NEVER);
	tl_queue_end(s->store);
	tl_join(s->storing, NULL, TL_NEVER);
	/* release pairs with the acquire in out_of_time. */
	atomic_store_explicit(&s->stop_ns, deadline.ns, memory_order_release);
	tl_queue_end(s->notify);
	tl_join(s->notifying, NULL, TL_NEVER);
}
