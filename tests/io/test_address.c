/* test_address.c - the table of what is an address, and back to text. */
#include "check.h"
#include "io/address.h"
#include <errno.h>

static const struct {
	const char *text, *back; /* NULL: not an address */
} table[] = {
	{ "127.0.0.1:8080", "127.0.0.1:8080" },
	{ "0.0.0.0:1", "0.0.0.0:1" },
	{ "localhost:80", "127.0.0.1:80" },
	{ ":0", "127.0.0.1:0" },
	{ ":65535", "127.0.0.1:65535" },
	{ "*:80", "0.0.0.0:80" },
	{ "[::1]:80", "[::1]:80" },
	{ "[::]:00080", "[::]:80" },
	{ "[2001:DB8::a]:443", "[2001:db8::a]:443" },
	{ "unix:/run/x.sock", "unix:/run/x.sock" },
	{ "unix:x", "unix:x" },
	{ "unix:a:b", "unix:a:b" },
	{ "unix:@name", "unix:@name" },
	{ "unix:@a:1", "unix:@a:1" },
	{ "", NULL },
	{ ":", NULL },
	{ "80", NULL },
	{ "127.0.0.1", NULL },
	{ "127.0.0.1:", NULL },
	{ "127.0.0.1:65536", NULL },
	{ "127.0.0.1:655350", NULL },
	{ "127.0.0.1:-1", NULL },
	{ "127.0.0.1:+1", NULL },
	{ "127.0.0.1: 1", NULL },
	{ "127.0.0.1:8x", NULL },
	{ "127.0.0.1:0x50", NULL },
	{ "127.0.0.256:1", NULL },
	{ "127.1:1", NULL },
	{ "example.org:80", NULL },
	{ "Localhost:80", NULL },
	{ "::1:80", NULL },
	{ "[::1]", NULL },
	{ "[::1:80", NULL },
	{ "[]:80", NULL },
	{ "[:80", NULL },
	{ "[127.0.0.1]:80", NULL },
	{ "[::1]x:80", NULL },
	{ "unix:", NULL },
	{ "unix:@", NULL },
	{ "unix", NULL },
	{ "a-host-name-that-is-longer-than-any-address-of-the-internet-protocol:80", NULL },
};

TEST(parses_the_table)
{
	for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
		struct address a = { .size = 77 };
		char back[256];
		int r = address_parse(table[i].text, &a);

		if (!table[i].back) {
			if (r != -EINVAL)
				fprintf(stderr, "'%s' was taken\n", table[i].text);
			CHECK_EQ(r, -EINVAL);
			CHECK_EQ(a.size, 77);
			continue;
		}
		CHECK_EQ(r, 0);
		CHECK_EQ(address_format(&a, back, sizeof back), (int)strlen(table[i].back));
		CHECK_STR(back, table[i].back);
	}
	CHECK_EQ(address_parse(NULL, &(struct address){ 0 }), -EINVAL);
}

TEST(unix_paths_have_a_length)
{
	char text[200] = "unix:";
	struct address a;

	memset(text + 5, 'p', 107);
	CHECK_EQ(address_parse(text, &a), 0);
	CHECK_EQ(strlen(address_path(&a)), 107);
	text[5 + 107] = 'p';
	CHECK_EQ(address_parse(text, &a), -EINVAL);
}

TEST(knows_paths)
{
	struct address a;

	CHECK_EQ(address_parse("unix:/x", &a), 0);
	CHECK_STR(address_path(&a), "/x");
	CHECK_EQ(address_parse("unix:@x", &a), 0);
	CHECK(!address_path(&a));
	CHECK_EQ(address_parse(":1", &a), 0);
	CHECK(!address_path(&a));
}

TEST(format_cuts_and_tells_the_length)
{
	struct address a;
	char buf[4] = "???";

	CHECK_EQ(address_parse("127.0.0.1:80", &a), 0);
	CHECK_EQ(address_format(&a, buf, sizeof buf), 12);
	CHECK_STR(buf, "127");
	CHECK_EQ(address_format(&a, NULL, 0), 12);
	a = (struct address){ .any.sa_family = AF_UNIX, .size = sizeof(sa_family_t) };
	CHECK_EQ(address_format(&a, NULL, 0), 5);
}
