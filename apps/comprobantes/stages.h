/* stages.h - the strands behind the connections: validate, store, notify. */
#ifndef STAGES_H
#define STAGES_H
#include "job.h"
#include "service.h"

/* Open the queues, libmagic and so on; 0, or < 0 and a sentence.  stages_close takes a half-opened
 * service. */
int stages_open(struct service *s, char *problem, size_t cap);
void stages_close(struct service *s);

/* Start the strands in scope.  Errors: tl_thread_start's; those that were started are cancelled. */
int stages_start(struct service *s, tl_scope *scope);

/* No more receipts come: let each stage finish what it has, from front to back; the notices as long
 * as there is time until `deadline` (the rest stays owed).  The scope of the strands can then be
 * closed. */
void stages_end(struct service *s, tl_time deadline);

/* -- validate.c */
struct magic_set *validate_open(char *problem, size_t cap);
struct magic_set *validate_close(struct magic_set *set);
int validate_strand(void *service_and_index);
struct validate_arg {
	struct service *service;
	int index;
};

/* -- store.c, notify.c */
int store_strand(void *service);
int notify_strand(void *service);

#endif
