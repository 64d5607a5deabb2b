#!/usr/bin/env python3
# once
# limit 300
"""CPython's lock_tests.py on telar's locks, conditions, events, semaphores and barriers, in the
classes in which CPython's test_threading.py runs them."""

import sys
import types

import foreign


def classes(telar):
    from test import lock_tests

    # A condition of ours goes with locks of ours; what is in the tests as threading.Lock is one.
    ours = {"Lock": telar.Lock, "BrokenBarrierError": telar.BrokenBarrierError}
    lock_tests.threading = types.SimpleNamespace(**{**vars(lock_tests.threading), **ours})

    # No verdict by speed: that a timeout is not too early is checked, that it is not late is not.
    def assert_timeout(self, actual, expected):
        self.assertGreaterEqual(actual, expected * 0.6)

    lock_tests.BaseTestCase.assertTimeout = assert_timeout
    lock_tests.BarrierTests.defaultTimeout = 60.0

    def bound(name, base, **types_of):
        return type(name, (base,), {key: staticmethod(t) for key, t in types_of.items()})

    return [
        bound("LockTests", lock_tests.LockTests, locktype=telar.Lock),
        bound("RLockTests", lock_tests.RLockTests, locktype=telar.RLock),
        bound("ConditionAsRLockTests", lock_tests.RLockTests, locktype=telar.Condition),
        bound("ConditionTests", lock_tests.ConditionTests, condtype=telar.Condition),
        bound("EventTests", lock_tests.EventTests, eventtype=telar.Event),
        bound("SemaphoreTests", lock_tests.SemaphoreTests, semtype=telar.Semaphore),
        bound("BoundedSemaphoreTests", lock_tests.BoundedSemaphoreTests,
            semtype=telar.BoundedSemaphore),
        bound("BarrierTests", lock_tests.BarrierTests, barriertype=telar.Barrier),
    ]


if __name__ == "__main__":
    sys.exit(foreign.run(__file__, classes))
