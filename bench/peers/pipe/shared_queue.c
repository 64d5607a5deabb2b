/* pipe(2): a stream without bounds between messages. */
#include "../messages.h"

int main(void)
{
	struct ways w;

	bench_check(pipe(w.there) == 0 && pipe(w.back) == 0, "pipe");
	messages(&w);
	return 0;
}
