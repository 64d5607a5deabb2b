/* address.c - addresses as text, both ways.  Pure: nothing is looked up, nothing is asked of the
 * system, so parsing never blocks. */
#include "io/address.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One to five digits and nothing else. */
static int port_parse(const char *text, in_port_t *ret)
{
	unsigned port = 0, digits = 0;

	for (; text[digits] >= '0' && text[digits] <= '9' && digits < 5; digits++)
		port = port * 10 + (unsigned)(text[digits] - '0');
	if (!digits || text[digits] || port > UINT16_MAX)
		return -EINVAL;
	*ret = htons((uint16_t)port);
	return 0;
}

static int unix_parse(const char *name, struct address *ret)
{
	size_t n = strlen(name);
	bool abstract = name[0] == '@';

	if (n < 1 + (size_t)abstract || n >= sizeof ret->un.sun_path)
		return -EINVAL;
	*ret = (struct address){ .un.sun_family = AF_UNIX };
	memcpy(ret->un.sun_path, name, n);
	if (abstract)
		ret->un.sun_path[0] = '\0';
	/* An abstract name is its bytes, a path ends with its NUL. */
	ret->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + !abstract);
	return 0;
}

static int in_parse(const char *host, struct address *ret)
{
	*ret = (struct address){ .in.sin_family = AF_INET, .size = sizeof ret->in };
	if (!host[0] || strcmp(host, "localhost") == 0)
		ret->in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else if (strcmp(host, "*") == 0)
		ret->in.sin_addr.s_addr = htonl(INADDR_ANY);
	else if (inet_pton(AF_INET, host, &ret->in.sin_addr) != 1)
		return -EINVAL;
	return 0;
}

/* host: "[...]" */
static int in6_parse(char *host, struct address *ret)
{
	size_t n = strlen(host);

	if (host[n - 1] != ']')
		return -EINVAL;
	host[n - 1] = '\0';
	*ret = (struct address){ .in6.sin6_family = AF_INET6, .size = sizeof ret->in6 };
	return inet_pton(AF_INET6, host + 1, &ret->in6.sin6_addr) == 1 ? 0 : -EINVAL;
}

int address_parse(const char *text, struct address *ret)
{
	char host[64];
	const char *colon = text ? strrchr(text, ':') : NULL;
	struct address a;
	in_port_t port;
	int r;

	if (!colon)
		return -EINVAL;
	if (strncmp(text, "unix:", 5) == 0)
		return unix_parse(text + 5, ret);
	if ((size_t)(colon - text) >= sizeof host)
		return -EINVAL;
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	r = port_parse(colon + 1, &port);
	if (r == 0)
		r = host[0] == '[' ? in6_parse(host, &a) : in_parse(host, &a);
	if (r < 0)
		return r;
	if (a.any.sa_family == AF_INET)
		a.in.sin_port = port;
	else
		a.in6.sin6_port = port;
	*ret = a;
	return 0;
}

static int unix_format(const struct address *a, char *buf, size_t cap)
{
	size_t n = a->size - offsetof(struct sockaddr_un, sun_path);
	char name[sizeof a->un.sun_path + 1] = "";

	if (a->size > offsetof(struct sockaddr_un, sun_path))
		memcpy(name, a->un.sun_path, n);
	else
		return snprintf(buf, cap, "unix:"); /* a peer that has no name */
	if (!name[0])
		for (size_t i = 0; i < n; i++)
			name[i] = name[i] ? name[i] : '@'; /* there is no other way to show a NUL */
	return snprintf(buf, cap, "unix:%s", name);
}

int address_format(const struct address *a, char *buf, size_t cap)
{
	char host[INET6_ADDRSTRLEN];

	switch (a->any.sa_family) {
	case AF_INET:
		inet_ntop(AF_INET, &a->in.sin_addr, host, sizeof host);
		return snprintf(buf, cap, "%s:%u", host, ntohs(a->in.sin_port));
	case AF_INET6:
		inet_ntop(AF_INET6, &a->in6.sin6_addr, host, sizeof host);
		return snprintf(buf, cap, "[%s]:%u", host, ntohs(a->in6.sin6_port));
	case AF_UNIX: return unix_format(a, buf, cap);
	}
	return snprintf(buf, cap, "family %d", a->any.sa_family);
}

const char *address_path(const struct address *a)
{
	bool path = a->any.sa_family == AF_UNIX &&
		    a->size > offsetof(struct sockaddr_un, sun_path) && a->un.sun_path[0];

	return path ? a->un.sun_path : NULL;
}
