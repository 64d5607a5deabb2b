/* text.h - text as it comes from and goes to strangers: percent signs, UTF-8, JSON. */
#ifndef TEXT_H
#define TEXT_H
#include <stdbool.h>
#include <stddef.h>

#define TEXT_STUDENT 32  /* bytes of a student's id, at most */
#define TEXT_NAME    100 /* bytes of a name, at most */

/* Is text[0..n) a student's id: 1 to 32 of [A-Za-z0-9._-]? */
bool text_is_student(const char *text, size_t n);

/* Is text[0..n) a name: 1 to 100 bytes of well-formed UTF-8 without control characters? */
bool text_is_name(const char *text, size_t n);

/* The value of `key` in a query string ("a=1&b=x%20y"), decoded ("+" is a blank).  Answers its
 * length and terminates it; -1: not there, given twice, badly encoded, or longer than cap - 1. */
int text_query(const char *query, const char *key, char *ret, size_t cap);

/* The value of `key` in a header's parameters ("form-data; name=\"x\"; filename=\"y\""), unquoted.
 * Answers as text_query; with ret NULL 0 if it is there. */
int text_param(const char *value, const char *key, char *ret, size_t cap);

/* text as the inside of a JSON string; cut where cap ends, always terminated.  Answers ret. */
char *text_json(const char *text, char *ret, size_t cap);

#endif
