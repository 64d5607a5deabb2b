/* stdatomic.h - stands in for the compiler's in the sources under test: every atomic operation is
 * handed to the checker, with the place in the source where it stands and the order it names.
 *
 * Each use of an operation is a site, a record in the section orders_sites, whose order the checker
 * may weaken before it begins. */
#ifndef ORDERS_STDATOMIC_H
#define ORDERS_STDATOMIC_H
#include "orders.h"

#define _Atomic

typedef enum memory_order {
	memory_order_relaxed = ORDERS_RELAXED,
	memory_order_acquire = ORDERS_ACQUIRE,
	memory_order_release = ORDERS_RELEASE,
	memory_order_acq_rel = ORDERS_ACQ_REL,
	memory_order_seq_cst = ORDERS_SEQ_CST
} memory_order;

#define ORDERS_SITE(op, order, failure) \
	({ \
		static struct orders_site site_ \
			__attribute__((used, section("orders_sites"))) = { __FILE__, __func__, op, \
				__LINE__, order, failure }; \
		&site_; \
	})
#define ORDERS_WORD(x)  ((uint64_t)(uintptr_t)(x))
#define ORDERS_AS(p, x) ((__typeof__(*(p) + 0))(uintptr_t)(x))
#define ORDERS_ADDR(p)  ((void *)(uintptr_t)(p))
#define ORDERS_RMW(p, x, o, k) \
	({ \
		__typeof__(*(p) + 0) r_ = \
			ORDERS_AS(p, orders_rmw(ORDERS_ADDR(p), sizeof *(p), k, ORDERS_WORD(x), \
					     ORDERS_SITE(#k, o, 0))); \
		r_; \
	})
#define ORDERS_CAS(p, e, d, o, f) \
	({ \
		__typeof__(e) e_ = (e); \
		uint64_t was_ = ORDERS_WORD(*e_); \
		bool ok_ = orders_cas(ORDERS_ADDR(p), sizeof *(p), &was_, ORDERS_WORD(d), \
			ORDERS_SITE("compare_exchange", o, f)); \
		if (!ok_) \
			*e_ = ORDERS_AS(e_, was_); \
		ok_; \
	})

#define atomic_load_explicit(p, o) \
	ORDERS_AS(p, orders_load(ORDERS_ADDR(p), sizeof *(p), ORDERS_SITE("load", o, 0)))
#define atomic_store_explicit(p, x, o) \
	orders_store(ORDERS_ADDR(p), sizeof *(p), ORDERS_WORD(x), ORDERS_SITE("store", o, 0))
#define atomic_exchange_explicit(p, x, o)                      ORDERS_RMW(p, x, o, exchange)
#define atomic_fetch_add_explicit(p, x, o)                     ORDERS_RMW(p, x, o, fetch_add)
#define atomic_fetch_sub_explicit(p, x, o)                     ORDERS_RMW(p, x, o, fetch_sub)
#define atomic_fetch_or_explicit(p, x, o)                      ORDERS_RMW(p, x, o, fetch_or)
#define atomic_fetch_and_explicit(p, x, o)                     ORDERS_RMW(p, x, o, fetch_and)
#define atomic_compare_exchange_strong_explicit(p, e, d, o, f) ORDERS_CAS(p, e, d, o, f)
#define atomic_compare_exchange_weak_explicit(p, e, d, o, f)   ORDERS_CAS(p, e, d, o, f)
#define atomic_thread_fence(o) orders_fence(ORDERS_SITE("fence", o, 0))
#define atomic_signal_fence(o)                                 ((void)(o))

typedef struct atomic_flag {
	uint32_t set;
} atomic_flag;
#define ATOMIC_FLAG_INIT \
	{ \
		0 \
	}
#define atomic_flag_test_and_set_explicit(f, o) (atomic_exchange_explicit(&(f)->set, 1, o) != 0)
#define atomic_flag_clear_explicit(f, o)        atomic_store_explicit(&(f)->set, 0, o)

/* The compiler's own, which SHOW and LOOK are made of; with its names of the orders. */
#undef __ATOMIC_RELAXED
#undef __ATOMIC_ACQUIRE
#undef __ATOMIC_RELEASE
#define __ATOMIC_RELAXED          ORDERS_RELAXED
#define __ATOMIC_ACQUIRE          ORDERS_ACQUIRE
#define __ATOMIC_RELEASE          ORDERS_RELEASE
#define __atomic_load_n(p, o)     atomic_load_explicit(p, o)
#define __atomic_store_n(p, x, o) atomic_store_explicit(p, x, o)

#endif
