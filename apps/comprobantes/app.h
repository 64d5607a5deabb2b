/* app.h - the two commands of comprobantes. */
#ifndef APP_H
#define APP_H

/* Each takes its own name as argv[0] and answers the exit status. */
int serve_main(int argc, char **argv);
int rush_main(int argc, char **argv);

#endif
