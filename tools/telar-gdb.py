"""gdb commands for programs that use telar:  (gdb) source PREFIX/share/telar/telar-gdb.py

    info strands            every strand: what it is, what it waits for and since when, who began it
    strand ID COMMAND       the command as if the strand ran now: bt, info locals, up ...
    strand apply all COMMAND
                            the same for each (bt by default)

ID is the number that `info strands` shows first, the long id that tl_dump prints, or a name.  They
work on a process that gdb has stopped, and on a core that the kernel wrote (gdb's own `gcore` leaves
out what lies beyond a guard page).  The library's debug information is needed.

A strand that does not run has left its registers on its stack, where plat_switch put them.  While a
command runs in it, an unwinder answers that the caller of the selected thread's innermost frame is
the one that the parked strand will return to; nothing in the program is written.  Its frames count
from 1, for `strand ID frame N`.
"""

import time

import gdb
from gdb.unwinder import Unwinder, register_unwinder

# Where plat_switch (src/plat/switch_CPU.S) leaves what, in words from the kept stack pointer.
LAYOUTS = {
    "i386:x86-64": {
        "words": 7,
        "sp": "rsp",
        "pc": "rip",
        "at": {"r15": 0, "r14": 1, "r13": 2, "r12": 3, "rbx": 4, "rbp": 5, "rip": 6},
    },
    "aarch64": {
        "words": 20,
        "sp": "sp",
        "pc": "pc",
        "at": {"x29": 0, "pc": 1, **{f"x{19 + i}": 2 + i for i in range(10)}},
    },
}


def value(expression):
    return gdb.parse_and_eval(expression)


def number(expression):
    return int(value(expression))


class Strand:
    """One live record, as struct strand in src/run/run.h lays it out."""

    def __init__(self, slot, record):
        self.slot = slot
        self.record = record
        self.id = int(record["id"])
        self.body = record["body"]
        self.loop = record["loop"]

    def has_body(self):
        return int(self.body) != 0

    def kind(self):
        kinds = {number("TL_TASK"): "task", number("TL_THREAD"): "thread"}
        return kinds.get(int(self.record["kind"]), "process")

    def name(self):
        extra = self.record["extra"]
        if int(extra) and int(extra["name"][0]):
            return extra["name"].string()
        plain = "Foreign" if int(self.record["foreign"]) else self.kind().capitalize()
        return f"{plain}-{int(self.record['number'])}"

    def is_on_top(self):
        """Is it the one whose frames its thread is in right now?"""
        return int(self.loop) != 0 and int(self.loop["now_runs"]) == int(self.record.address)

    def state(self):
        """As in src/run/strand.c."""
        waiting = int(self.record["park"]["word"]) == number("PARK_WAITING")
        if int(self.record["life"]) & number("LIFE_ENDED"):
            return "ended"
        if not self.has_body() and self.kind() == "process":
            return "running"
        if not self.has_body():
            return "created" if waiting else "ready"
        if int(self.body["waits"]) == int(value("&strand_begins[0]")):
            return "created"
        if waiting or int(self.body["placed"]):
            return "blocked"
        return "running" if self.is_on_top() else "ready"

    def waits(self, now):
        if not self.has_body() or self.state() != "blocked":
            return ""
        if int(self.body["placed"]):
            return "its child, in place"
        if not int(self.body["waits"]):
            return ""
        text = self.body["waits"].string()
        if int(self.body["object"]):
            text += f" {int(self.body['object']):#x}"
        since = int(self.body["since"])
        return f"{text} for {(now - since) / 1e9:.1f} s" if since else text

    def site(self):
        return place(int(self.record["site"]))

    def thread(self):
        """gdb's thread that its loop is, or None."""
        os_id = int(self.loop["os_id"]) if int(self.loop) else 0
        for thread in gdb.selected_inferior().threads():
            if os_id == thread.ptid[1]:
                return thread
        return None


def place(pc):
    """A return address as `function (file:line)`."""
    if not pc:
        return ""
    line = gdb.find_pc_line(pc - 1)
    block = gdb.block_for_pc(pc - 1)
    while block and not block.function:
        block = block.superblock
    if block and line.symtab:
        return f"{block.function} ({line.symtab.filename.rpartition('/')[2]}:{line.line})"
    symbol = gdb.execute(f"info symbol {pc - 1:#x}", to_string=True)
    return f"{pc:#x}" if symbol.startswith("No symbol") else symbol.split(" in section")[0]


def strands():
    """All records in use, oldest slot first."""
    try:
        per_slab = number("SLAB")
        slabs = value("slabs")
        n = number("n_slots")
        free, ended = number("LIFE_FREE"), number("LIFE_ENDED")
    except gdb.error as error:
        raise gdb.GdbError(f"telar is not here, or has no debug information: {error}") from error
    for slot in range(1, n):
        slab = slabs[slot // per_slab]
        record = slab[slot % per_slab]
        if not int(record["life"]) & (free | ended):
            yield Strand(slot, record)


def time_now():
    """Nanoseconds of the monotonic clock: the machine's, or for a core the last that a loop saw."""
    if is_alive():
        return time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    return max((int(s.loop["now"]) for s in strands() if int(s.loop)), default=0)


def is_alive():
    connection = gdb.selected_inferior().connection
    return connection is not None and connection.type == "native"


def find(word):
    for s in strands():
        if word in (str(s.slot), f"{s.id:016x}", f"{s.id:#x}", s.name()):
            return s
    raise gdb.GdbError(f"there is no strand '{word}': see info strands")


# -- unwinding a parked strand ---------------------------------------------------------------------


class FrameId:
    def __init__(self, sp, pc):
        self.sp = sp
        self.pc = pc


class Detour(Unwinder):
    """Answers for one frame only: the selected thread's innermost, while a strand is looked into."""

    def __init__(self):
        super().__init__("telar-strands")
        self.layout = None
        self.from_sp = self.from_pc = self.to = 0

    def __call__(self, pending):
        if not self.layout:
            return None
        sp = int(pending.read_register(self.layout["sp"]))
        pc = int(pending.read_register(self.layout["pc"]))
        if (sp, pc) != (self.from_sp, self.from_pc):
            return None
        word = gdb.lookup_type("unsigned long")
        # A frame further in must lie lower, or gdb takes the stack for corrupt: so say that we are
        # on the strand's.
        answer = pending.create_unwind_info(FrameId(gdb.Value(self.to), gdb.Value(pc)))
        for register, at in self.layout["at"].items():
            kept = gdb.Value(self.to + 8 * at).cast(word.pointer()).dereference()
            answer.add_saved_register(register, kept)
        end = gdb.Value(self.to + 8 * self.layout["words"]).cast(word)
        answer.add_saved_register(self.layout["sp"], end)
        return answer

    def begin(self, sp):
        frame = gdb.newest_frame()
        machine = frame.architecture().name()
        if machine not in LAYOUTS:
            raise gdb.GdbError(f"telar-gdb.py does not know how {machine} switches")
        layout = LAYOUTS[machine]
        self.from_sp = int(frame.read_register(layout["sp"]))
        self.from_pc = int(frame.read_register(layout["pc"]))
        self.to = sp
        self.layout = layout
        gdb.invalidate_cached_frames()

    def end(self):
        self.layout = None
        gdb.invalidate_cached_frames()


detour = Detour()
register_unwinder(None, detour, replace=True)


def run_in(s, command):
    """Run the command in strand s; answers its output."""
    before = gdb.selected_thread()
    thread = s.thread()
    if thread:
        thread.switch()
    try:
        if s.is_on_top():
            return gdb.execute(command, to_string=True)
        detour.begin(int(s.body["sp"]))
        try:
            gdb.newest_frame().older().select()
            return without_first_frame(gdb.execute(command, to_string=True))
        finally:
            detour.end()
    finally:
        if before:
            before.switch()
        gdb.newest_frame().select()


def without_first_frame(text):
    """A backtrace begins with the thread's own innermost frame, which is not the strand's."""
    start = text.find("\n#1 ")
    return text[start + 1 :] if text.startswith("#0 ") and start >= 0 else text


def show(s, command):
    print(f"\nStrand {s.slot} ({s.kind()} '{s.name()}', {s.state()}):")
    if not s.has_body():
        print("has not begun: it has no stack yet")
    elif int(s.body["placed"]):
        print("runs its child in place: its frames are further out on the child's stack")
    else:
        print(run_in(s, command), end="")


# -- commands --------------------------------------------------------------------------------------


class InfoStrands(gdb.Command):
    """Show every strand of telar: number, id, kind, name, state, what it waits for, who began it."""

    def __init__(self):
        super().__init__("info strands", gdb.COMMAND_STATUS)

    def invoke(self, _argument, _from_tty):
        now = time_now()
        for s in strands():
            waits = s.waits(now)
            site = s.site()
            print(
                f"{s.slot:4} {s.id:016x} {s.kind():7} {s.name():20} {s.state():8}"
                + (f" waits for {waits}" if waits else "")
                + (f" from {site}" if site else "")
            )


class StrandCommand(gdb.Command):
    """Run a gdb command in a strand of telar: strand ID COMMAND, or strand apply all COMMAND.
ID is the number or the id that `info strands` shows, or a name; COMMAND is bt by default."""

    def __init__(self):
        super().__init__("strand", gdb.COMMAND_STACK)

    def invoke(self, argument, _from_tty):
        words = gdb.string_to_argv(argument)
        if not words:
            raise gdb.GdbError("strand ID COMMAND, or strand apply all COMMAND")
        if words[0] != "apply":
            show(find(words[0]), " ".join(words[1:]) or "bt")
            return
        if len(words) < 2 or words[1] != "all":
            raise gdb.GdbError("strand apply all COMMAND")
        for s in list(strands()):
            show(s, " ".join(words[2:]) or "bt")


InfoStrands()
StrandCommand()
