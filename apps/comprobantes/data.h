/* data.h - the folder of the service. */
#ifndef DATA_H
#define DATA_H
#include "service.h"

/* Make what is missing, lock it, and open its parts and its database.  0, or < 0 and a sentence
 * that says what to do. */
int data_open(struct service *s, char *problem, size_t cap);

/* Close what is open, also after a failure.  If s->undo is still set, what was made is removed
 * again. */
void data_close(struct service *s);

#endif
