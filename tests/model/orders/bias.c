/* bias.c - the locks that their owner need not take (W23): what they guard is never raced for, and
 * a visitor is never left waiting. */
#include "run/bias.h"
#include "loops.h"

static struct spin lock, other;
static unsigned n;

static void change(void)
{
	orders_write(&n);
	n++;
}

static void own(void)
{
	own_lock(loop_here, &lock);
	change();
	own_unlock(loop_here, &lock);
}

static void own_twice(void) { own(), own(); }

static void visit(void)
{
	bias_visit();
	spin_lock(&lock);
	change();
	spin_unlock(&lock);
	bias_leave();
}

static void visit_twice(void) { visit(), visit(); }

static void strand(void)
{
	bool visitor = strand_hold(&zeros[0]);

	change();
	strand_let(&zeros[0], visitor);
}

/* Another strand's lock, of this loop. */
static void own_other(void)
{
	own_lock(loop_here, &other);
	own_unlock(loop_here, &other);
}

static void look_in(void) { bias_visit(), bias_leave(); }

/* After another visitor, whose barrier it relies on. */
static void visit_if_lost(void)
{
	if (atomic_load_explicit(&bias_state, memory_order_relaxed) & BIAS_LOST)
		visit();
}

static void soon(void) { loops[0]->met = 511; } /* its own way opens again at the next try */
static void one(void) { loops_run(own), loops_run(visit); }
static void own_two(void) { loops_run(own_twice), loops_run(visit); }
static void own_two_soon(void) { own_two(), soon(); }
static void two_visits_soon(void) { loops_run(own), loops_run(visit_twice), soon(); }
static void four_soon(void) { loops_run(own_twice), loops_run(visit_twice), soon(); }
static void found_lost(void) { loops_run(own), loops_run(look_in), loops_run(visit_if_lost); }
static void back_by_other(void)
{
	loops_run(own), loops_run(visit), loops_run(own_other);
	loops[2]->met = 511;
}
static void visitors(void) { loops_run(own), loops_run(visit), loops_run(visit); }
static void strands(void) { loops_run(strand), loops_run(strand); }
static void two(void) { ORDERS_CHECK(n == 2); }
static void one_or_two(void) { ORDERS_CHECK(n == 1 || n == 2); }
static void three(void) { ORDERS_CHECK(n == 3); }
static void four(void) { ORDERS_CHECK(n == 4); }

const struct orders_scenario orders_scenarios[] = {
	{ "bias: a visit", one, two, 0 },
	{ "bias: owner twice", own_two, three, 0 },
	{ "bias: owner twice, back soon", own_two_soon, three, 0 },
	{ "bias: two visits, back soon", two_visits_soon, three, 0 },
	{ "bias: strand", strands, two, 0 },
	{ "bias: another's way back", back_by_other, two, 0 },
	{ "bias: found lost", found_lost, one_or_two, 0 },
	{ "bias: both twice, back soon", four_soon, four, 0, ORDERS_LONG },
	{ "bias: two visitors", visitors, three, 0, ORDERS_LONG },
	{ 0 },
};
