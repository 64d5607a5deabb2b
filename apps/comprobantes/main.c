/* main.c - comprobantes: takes in payment receipts (serve), and proves that it does (rush). */
#include "app.h"
#include <stdio.h>
#include <string.h>

static const char help[] =
	"comprobantes takes in payment receipts: attach, validate, store a copy, notify.\n"
	"\n"
	"  comprobantes serve --data DIR   run the service (--help: its options)\n"
	"  comprobantes rush               start one, send it 3,000 receipts at once, and audit "
	"it\n";

int main(int argc, char **argv)
{
	const char *command = argc > 1 ? argv[1] : "";

	if (strcmp(command, "serve") == 0)
		return serve_main(argc - 1, argv + 1);
	if (strcmp(command, "rush") == 0)
		return rush_main(argc - 1, argv + 1);
	if (strcmp(command, "--help") == 0 || strcmp(command, "-h") == 0)
		return fputs(help, stdout) < 0 || fflush(stdout) != 0;
	if (*command)
		fprintf(stderr, "comprobantes: there is no command '%s'; try comprobantes --help\n",
			command);
	else
		fputs("comprobantes: which command? serve or rush; try comprobantes --help\n",
			stderr);
	return 2;
}
