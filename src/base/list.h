/* list.h - a circular list whose links lie in what is listed.  A head and a node that is in no list
 * both point at themselves; a zeroed head is made ready by list_init. */
#ifndef TELAR_LIST_H
#define TELAR_LIST_H
#include <stdbool.h>
#include <stddef.h>

struct node {
	struct node *next, *prev;
};

#define container_of(p, type, field) ((type *)((char *)(p)-offsetof(type, field)))
#define list_each(n, head)           for (struct node *n = (head)->next; n != (head); n = n->next)

static inline void list_init(struct node *n) { n->next = n->prev = n; }
static inline bool list_empty(const struct node *head) { return head->next == head; }
static inline bool list_in(const struct node *n) { return n->next != n; }

static inline void list_append(struct node *head, struct node *n)
{
	n->next = head;
	n->prev = head->prev;
	head->prev->next = n;
	head->prev = n;
}

static inline void list_remove(struct node *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

/* All of from become the list of the empty head `to`. */
static inline void list_move(struct node *to, struct node *from)
{
	if (list_empty(from))
		return;
	*to = *from;
	to->next->prev = to->prev->next = to;
	list_init(from);
}

static inline struct node *list_pop(struct node *head)
{
	struct node *n = head->next;

	if (n == head)
		return NULL;
	list_remove(n);
	return n;
}

#endif
