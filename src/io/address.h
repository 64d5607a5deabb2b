/* address.h - addresses as text, see telar/stream.h for what is written. */
#ifndef TELAR_ADDRESS_H
#define TELAR_ADDRESS_H
#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

struct address {
	union {
		struct sockaddr any;
		struct sockaddr_in in;
		struct sockaddr_in6 in6;
		struct sockaddr_un un;
	};
	socklen_t size;
};

/* 0, or -EINVAL: it is none of the forms. */
int address_parse(const char *text, struct address *ret);
/* Answers the whole length; buf is terminated if cap > 0. */
int address_format(const struct address *a, char *buf, size_t cap);
/* The path in the file system that a names; NULL: it is of another kind. */
const char *address_path(const struct address *a);

#endif
