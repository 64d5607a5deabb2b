/* options.h - the command line of `comprobantes serve`. */
#ifndef OPTIONS_H
#define OPTIONS_H
#include "service.h"

/* 0: fill *o and go on; 1: help was asked for and given; 2: wrong, and said so on stderr. */
int options_read(struct service_opts *o, int argc, char **argv);

#endif
