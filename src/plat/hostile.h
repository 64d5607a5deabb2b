/* hostile.h - a build for tests (-Dhostile=yield) in which whatever may legally happen between two
 * steps happens often: other strands run at every cancel point, threads lose their processor around
 * locks and parks, strands are poked for nothing, and short cuts are not taken.
 *
 * Chance comes from TELAR_SEED in the environment: the same seed gives each thread, by the order of
 * their first such step, the same turns. */
#ifndef TELAR_HOSTILE_H
#define TELAR_HOSTILE_H
#include "plat/plat.h"
#include <stdbool.h>

#ifdef TELAR_HOSTILE
enum { hostile = 1 };
#else
enum { hostile = 0 };
#endif

/* How often until something is done otherwise: few times where that is to be seen, by TSan too. */
#if defined(TELAR_HOSTILE) || defined(PLAT_TSAN)
#define HOSTILE_FEW(many, few) (few)
#else
#define HOSTILE_FEW(many, few) (many)
#endif

bool hostile_chance(void);
void hostile_stall(void);

/* Take the unlikely turn?  In an ordinary build never. */
static inline bool hostile_odd(void) { return hostile && hostile_chance(); }
/* A point where another thread may come in between. */
static inline void hostile_pause(void)
{
	if (hostile)
		hostile_stall();
}

#endif
