/* process_hello.c - the student manual's Process(target=say_hello, args=("world",)): a process gets
 * its own copy of what it is to greet. */
#include <stdio.h>
#include <telar.h>

static int say_hello(void *name)
{
	printf("Hello, %s!\n", (const char *)name);
	return 0;
}

int main(void)
{
	tl_process_start(NULL, say_hello, "world", &(tl_opts){ .copy = sizeof "world" });
	return tl_finish();
}
