/* talk.c - lock.c, sem.c, event.c, future.c and cond.c in private memory: mutual exclusion, what
 * one strand did before is seen by the next, nobody sleeps for ever, and what was left may go. */
#include "telar/future.h"
#include "telar/sync.h"
#include "world.h"
#include <errno.h>

static tl_lock lock;
static tl_sem sem;
static tl_event event;
static tl_future future;
static tl_cond cond;
static unsigned inside, flag;
static _Atomic uint32_t entries, cancelled;

static void critical(void)
{
	orders_write(&inside);
	inside++;
}

static void tell(int r)
{
	ORDERS_CHECK(r == 0 || r == -ECANCELED);
	__atomic_fetch_add(r == 0 ? &entries : &cancelled, 1, __ATOMIC_RELAXED);
}

static void cancel_0(void) { world_cancel(0); }

/* -- the lock */

static void with_lock(void)
{
	int r = tl_lock_acquire(&lock, TL_NEVER);

	if (r == 0) {
		critical();
		tl_lock_release(&lock);
	}
	tell(r);
}

static void hold_lock(void)
{
	tl_lock_hold(&lock);
	critical();
	tl_lock_release(&lock);
	tell(0);
}

static void try_lock(void)
{
	int r = tl_lock_acquire(&lock, TL_POLL);

	ORDERS_CHECK(r == 0 || r == -EAGAIN);
	if (r == 0) {
		critical();
		tl_lock_release(&lock);
	}
	tell(0);
}

static void lock_two(void) { world_run(with_lock), world_run(with_lock); }
static void lock_late(void) { lock_two(), world_late(1, 1000000000); }
static void lock_three(void) { lock_two(), world_run(with_lock); }
static void lock_three_late(void) { lock_three(), world_late(1, 1000000000); }
static void lock_cancel(void) { lock_two(), world_run(cancel_0); }
static void lock_cancel_late(void) { lock_late(), world_run(cancel_0); }
static void lock_hold(void) { world_run(hold_lock), world_run(with_lock), world_run(cancel_0); }
static void lock_try(void) { world_run(with_lock), world_run(try_lock); }
static void lock_three_cancel(void) { lock_three(), world_run(cancel_0); }
static void lock_free(void) { ORDERS_CHECK(!lock.word && inside <= entries); }

/* -- the semaphore */

static void with_sem(void)
{
	int r = tl_sem_acquire(&sem, TL_NEVER);

	if (r == 0) {
		critical();
		ORDERS_CHECK(tl_sem_release(&sem, 1) == 0);
	}
	tell(r);
}

static void get_sem(void)
{
	ORDERS_CHECK(tl_sem_acquire(&sem, TL_NEVER) == 0);
	orders_read(&flag);
	ORDERS_CHECK(flag == 1);
}

static void put_sem(void)
{
	orders_write(&flag);
	flag = 1;
	ORDERS_CHECK(tl_sem_release(&sem, 1) == 0);
}

static void get_sem_or_leave(void)
{
	int r = tl_sem_acquire(&sem, TL_NEVER);

	if (r == 0) {
		orders_read(&flag);
		ORDERS_CHECK(tl_sem_release(&sem, 1) == 0);
	}
	tell(r);
}

/* The unit that was for one who has left, taken without the lock. */
static void cancel_and_poll(void)
{
	world_cancel(0);
	if (tl_sem_acquire(&sem, TL_POLL) == 0) {
		orders_read(&flag);
		ORDERS_CHECK(flag == 1 && tl_sem_release(&sem, 1) == 0);
	}
}

static void sem_one(void) { sem.value = 1; }
static void sem_two(void) { sem_one(), world_run(with_sem), world_run(with_sem); }
static void sem_three(void) { sem_two(), world_run(with_sem); }
static void sem_cancel(void) { sem_two(), world_run(cancel_0); }
static void sem_left(void)
{
	world_run(get_sem_or_leave), world_run(put_sem), world_run(cancel_and_poll);
}
static void sem_pass(void) { world_run(get_sem), world_run(put_sem); }
static void sem_is_one(void) { ORDERS_CHECK(sem.value == 1); }

/* -- the event */

static void await_event(void)
{
	int r = tl_event_wait(&event, TL_NEVER);

	if (r == 0) {
		orders_read(&flag);
		ORDERS_CHECK(flag == 1);
	}
	tell(r);
}

static void set_event(void)
{
	orders_write(&flag);
	flag = 1;
	tl_event_set(&event);
}

/* Whoever sees it set may free it (E2). */
static void free_event(void)
{
	while (!tl_event_is_set(&event))
		orders_pause();
	orders_free(&event._, sizeof event._);
}

static void await_and_free_event(void)
{
	await_event();
	orders_free(&event._, sizeof event._);
}

static void set_clear_set(void)
{
	set_event();
	tl_event_clear(&event);
	tl_event_set(&event);
}

/* A clear takes nothing from those whom the set before it has woken, and loses no later set. */
static void await_any(void) { ORDERS_CHECK(tl_event_wait(&event, TL_NEVER) == 0); }

static void event_one(void) { world_run(await_event), world_run(set_event); }
static void event_two(void) { event_one(), world_run(await_event); }
static void event_cancel(void) { event_one(), world_run(cancel_0); }
static void event_seen(void) { world_run(free_event), world_run(set_event); }
static void event_free(void) { world_run(await_and_free_event), world_run(set_event); }
static void event_clear(void)
{
	world_run(await_any), world_run(set_clear_set), world_run(await_any);
}

/* -- the future */

static void get_future(void)
{
	void *value = NULL;

	ORDERS_CHECK(tl_future_get(&future, &value, TL_NEVER) == 0);
	ORDERS_CHECK(value == &flag);
	orders_read(&flag);
	ORDERS_CHECK(flag == 1);
}

static void set_future(void)
{
	orders_write(&flag);
	flag = 1;
	ORDERS_CHECK(tl_future_set(&future, &flag) == 0);
}

static void get_failure(void)
{
	void *value = NULL;

	ORDERS_CHECK(tl_future_get(&future, &value, TL_NEVER) == -EIO && !value);
}
static void fail_future(void) { ORDERS_CHECK(tl_future_fail(&future, -EIO) == 0); }
static void poll_future(void)
{
	int r = tl_future_get(&future, NULL, TL_POLL);

	ORDERS_CHECK(r == -EAGAIN || r == 0);
	if (r == 0)
		orders_read(&flag);
}
static void set_or_busy(void)
{
	int r = tl_future_set(&future, &flag);

	ORDERS_CHECK(r == 0 || r == -EBUSY);
	__atomic_fetch_add(&entries, r == 0, __ATOMIC_RELAXED);
}

static void future_one(void) { world_run(get_future), world_run(set_future); }
static void future_two(void) { future_one(), world_run(get_future); }
static void future_poll(void) { future_one(), world_run(poll_future); }
static void future_fail(void) { world_run(get_failure), world_run(fail_future); }
static void future_once(void) { world_run(set_or_busy), world_run(set_or_busy); }
static void set_once(void) { ORDERS_CHECK(entries == 1); }

/* -- the condition */

static void await_flag(void)
{
	int r = 0;

	tl_lock_hold(&lock);
	orders_read(&flag);
	while (r == 0 && !flag)
		r = tl_cond_wait(&cond, &lock, TL_NEVER);
	critical();
	tl_lock_release(&lock);
	tell(r);
}

static void set_flag(void)
{
	tl_lock_hold(&lock);
	orders_write(&flag);
	flag = 1;
	tl_cond_notify(&cond, 1);
	tl_lock_release(&lock);
}

static void cond_one(void) { world_run(await_flag), world_run(set_flag); }
static void cond_cancel(void) { cond_one(), world_run(cancel_0); }

const struct orders_scenario orders_scenarios[] = {
	{ "lock: two", lock_two, lock_free, 0 },
	{ "lock: two, handed over", lock_late, lock_free, 0 },
	{ "lock: try", lock_try, lock_free, 0 },
	{ "lock: cancel", lock_cancel, lock_free, 0 },
	{ "lock: handed over, cancel", lock_cancel_late, lock_free, 0 },
	{ "lock: hold, cancel", lock_hold, lock_free, 0 },
	{ "semaphore: pass", sem_pass, NULL, 0 },
	{ "semaphore: two", sem_two, sem_is_one, 0 },
	{ "semaphore: cancel", sem_cancel, sem_is_one, 0 },
	{ "semaphore: left", sem_left, sem_is_one, 0 },
	{ "event: one", event_one, NULL, 0 },
	{ "event: two", event_two, NULL, 0 },
	{ "event: cancel", event_cancel, NULL, 0 },
	{ "event: seen and freed", event_seen, NULL, 0 },
	{ "event: free", event_free, NULL, 0 },
	{ "future: one", future_one, NULL, 0 },
	{ "future: two", future_two, NULL, 0 },
	{ "future: poll", future_poll, NULL, 0 },
	{ "future: failed", future_fail, NULL, 0 },
	{ "future: set twice", future_once, set_once, 0 },
	{ "condition: one", cond_one, NULL, 0 },
	{ "condition: cancel", cond_cancel, NULL, 0 },
	{ "lock: three", lock_three, lock_free, 0, ORDERS_LONG },
	{ "lock: three, handed over", lock_three_late, lock_free, 0, ORDERS_LONG },
	{ "lock: three, cancel", lock_three_cancel, lock_free, 0, ORDERS_CHANCE },
	{ "semaphore: three", sem_three, sem_is_one, 0 },
	{ "event: clear", event_clear, NULL, 0 },
	{ 0 },
};
