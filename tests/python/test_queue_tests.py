#!/usr/bin/env python3
# once
# limit 300
"""CPython's test_queue.py on telar's queues, in the classes in which it runs those of its C
module."""

import sys
import unittest

import foreign


def classes(telar):
    from test import test_queue

    def bound(name, base):
        return type(name, (base, unittest.TestCase), {"queue": telar})

    return [
        bound("QueueTest", test_queue.QueueTest),
        bound("LifoQueueTest", test_queue.LifoQueueTest),
        bound("PriorityQueueTest", test_queue.PriorityQueueTest),
        bound("FailingQueueTest", test_queue.FailingQueueTest),
        type("SimpleQueueTest", (test_queue.CSimpleQueueTest,), {"queue": telar}),
    ]


if __name__ == "__main__":
    sys.exit(foreign.run(__file__, classes))
