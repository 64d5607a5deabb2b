/* telar.h - all of telar.  Each header below also stands alone. */
#ifndef TELAR_H
#define TELAR_H
#include <telar/array.h>
#include <telar/base.h>
#include <telar/file.h>
#include <telar/future.h>
#include <telar/generator.h>
#include <telar/local.h>
#include <telar/log.h>
#include <telar/loop.h>
#include <telar/manager.h>
#include <telar/pool.h>
#include <telar/process.h>
#include <telar/pipe.h>
#include <telar/queue.h>
#include <telar/report.h>
#include <telar/scope.h>
#include <telar/select.h>
#include <telar/shared.h>
#include <telar/signal.h>
#include <telar/strand.h>
#include <telar/stream.h>
#include <telar/sync.h>
#include <telar/value.h>
#endif
