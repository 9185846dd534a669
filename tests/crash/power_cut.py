"""The states that a power cut can leave, from a record of preload_record.c.

What a sync covers is there. Of what was written since, any part may be there: none, all, the first so many, all but one,
any choice, the last write torn at a sector. Names made, changed or removed since their folder was synced likewise, in
their order.
"""
import collections
import hashlib
import pathlib
import re

SECTOR = 512
PIECE = 4096
Record = collections.namedtuple("Record", "kind at path to data end")
REMEMBERED = re.compile(rb"POST /unsafe/(\S+) |GET (/once/\S+) ")
ACCEPTED = re.compile(rb'\{"id":"([0-9A-Z]{26})","alert_id":(?:null|"[0-9A-Z]{26}"),"fate":"\w+","runs":\[([^\]]*)\]')


def read_records(path):
    raw, at, records = pathlib.Path(path).read_bytes(), 0, []
    while at < len(raw):
        end = raw.index(b"\n", at)
        kind, size, offset, *paths = raw[at:end].decode().split(" ")
        data = raw[end + 1:end + 1 + int(size)]
        at = end + 1 + int(size) + 1
        records.append(Record(kind, int(offset), paths[0], paths[1] if len(paths) > 1 else None, data, at))
    return records


def acknowledged(record):
    """Ids of events and runs that an answer on its way out promises."""
    if record.kind != "send" or b"HTTP/1.1 202" not in record.data:
        return [], []
    events, runs = [], []
    for event, of_it in ACCEPTED.findall(record.data):
        events.append(event.decode())
        runs += [run.decode() for run in re.findall(rb'"([0-9A-Z]{26})"', of_it)]
    return events, runs


def call_of(record):
    """(kind, name or path) of a call on its way out that a tool remembers though it has no key."""
    found = REMEMBERED.match(record.data) if record.kind == "send" else None
    if not found:
        return None
    return ("unsafe", found[1].decode()) if found[1] else ("once", found[2].decode())


class File:
    def __init__(self, durable=b""):
        self.calm = None  # (content, its hash), while nothing is pending
        self.start = None  # (size, hasher) of what no pending change touches
        self.durable, self.pending = bytearray(durable), []  # pending: (kind, offset, data)

    def add(self, change):
        self.pending.append(change)
        self.calm = self.start = None

    def whole(self):
        """(content, its hash), when nothing is pending."""
        if self.calm is None:
            self.calm = bytes(self.durable), self.hash_of(self.durable)
        return self.calm

    def hash_of(self, content):
        """Of a content that differs from the durable one only where a pending change is."""
        if self.start is None:
            size = min([len(self.durable), *(at for _, at, _ in self.pending)])
            self.start = size, hashlib.sha1(memoryview(self.durable)[:size])
        hasher = self.start[1].copy()
        hasher.update(memoryview(content)[self.start[0]:])
        return hasher.digest()

    def sync(self, count):
        self.start = None
        for change in self.pending[:count]:
            apply_change(self.durable, change)
        del self.pending[:count]


def apply_change(content, change):
    kind, at, data = change
    if kind == "write":
        if len(content) < at:
            content.extend(bytes(at - len(content)))
        content[at:at + len(data)] = data
    elif at <= len(content):
        del content[at:]
    else:
        content.extend(bytes(at - len(content)))


class Disk:
    """What the recorded process has done so far: names now and durable ones, with what is still open. `before`: what was
    durable when the record begins, {path: bytes}."""

    def __init__(self, before=None):
        self.names = {path: File(content) for path, content in (before or {}).items()}
        self.durable_names = dict(self.names)
        self.pending_names = collections.defaultdict(list)  # by folder: (operation, path, file)
        self.begun = {}

    def take(self, record):
        kind, path = record.kind, record.path
        if kind in ("make", "empty"):
            if path not in self.names:
                self.names[path] = File()
                self.note_name("add", path, self.names[path])
            elif kind == "empty":
                self.names[path].add(("truncate", 0, b""))
        elif kind == "rename":
            change = ("move", (path, record.to), self.names.get(path))
            apply_name(self.names, change)
            self.note_name(*change)
        elif kind == "unlink":
            self.note_name("remove", path, self.names.pop(path, None))
        elif kind in ("write", "truncate") and path in self.names:
            for change in pieces(kind, record.at, record.data):
                self.names[path].add(change)
        elif kind == "sync-begin":
            self.begun[path] = (len(self.names[path].pending) if path in self.names
                                else len(self.pending_names[path]))
        elif kind == "sync-end":
            self.sync(path)

    def note_name(self, operation, path, file):
        folder = (path[1] if isinstance(path, tuple) else path).rsplit("/", 1)[0]
        self.pending_names[folder].append((operation, path, file))

    def sync(self, path):
        count = self.begun.pop(path, 0)
        if path in self.names:
            self.names[path].sync(count)
            return
        for change in self.pending_names[path][:count]:
            apply_name(self.durable_names, change)
        del self.pending_names[path][:count]

    def unsynced(self):
        return [(file, i) for file in self.files() for i in range(len(file.pending))]

    def files(self):
        seen = {id(f): f for f in self.durable_names.values()}
        for changes in self.pending_names.values():
            seen.update({id(f): f for _, _, f in changes if f is not None})
        return list(seen.values())

    def state(self, names_kept, kept, torn):
        """{path: (bytes, hash)}: the first `names_kept` open names of each folder, and the open writes that `kept` has."""
        names = dict(self.durable_names)
        for changes in self.pending_names.values():
            for change in changes[:round(names_kept * len(changes))]:
                apply_name(names, change)
        made = {}
        for path, file in names.items():
            if not file.pending:
                made[path] = file.whole()
                continue
            content = bytearray(file.durable)
            for i, change in enumerate(file.pending):
                if (id(file), i) in kept:
                    apply_change(content, change)
                elif (id(file), i) == torn[0] and change[0] == "write":
                    apply_change(content, ("write", change[1], change[2][:torn[1] * SECTOR]))
            made[path] = content, file.hash_of(content)
        return made


def pieces(kind, at, data):
    """A disk may write the parts of one write in any order."""
    ends = range(at - at % PIECE + PIECE, at + len(data), PIECE) if kind == "write" else ()
    starts = [at, *ends]
    return [(kind, start, data[start - at:end - at]) for start, end in zip(starts, [*ends, at + len(data)])]


def apply_name(names, change):
    operation, path, file = change
    if operation == "add":
        names[path] = file
    elif operation == "remove":
        names.pop(path, None)
    else:  # of a file, or of a folder with all below
        if file is not None:
            names.pop(path[0], None)
            names[path[1]] = file
        for below in [n for n in names if n.startswith(path[0] + "/")]:
            names[path[1] + below[len(path[0]):]] = names.pop(below)


def states(session, first, last, per_cut, chance):
    """Yields (number of the record before the cut, the state's hash, {path: (bytes, hash)}) for cuts in [first, last), no state twice."""
    disk, seen = Disk(session.before), set()
    for number, record in enumerate(session.records[:last]):
        disk.take(record)
        if number < first or record.kind in ("send", "sync-begin"):
            continue
        for made in cuts(disk, per_cut, chance):
            digest = hashlib.blake2b(digest_size=16)
            for path in sorted(made):
                digest.update(path.encode() + b"\0" + made[path][1])
            if digest.digest() not in seen:
                seen.add(digest.digest())
                yield number, digest.digest(), made


def cuts(disk, per_cut, chance):
    open_writes = [(id(file), i) for file, i in disk.unsynced()]
    nothing = (None, 0)
    yield disk.state(0, set(), nothing)
    yield disk.state(1, set(open_writes), nothing)
    for _ in range(per_cut - 2 if open_writes or any(disk.pending_names.values()) else 0):
        way, names = chance.randrange(4), chance.choice((0, 1, 1, chance.random()))
        kept, torn = set(), nothing
        if open_writes and way == 0:  # the first so many, the next one torn
            count = chance.randrange(len(open_writes))
            kept, torn = set(open_writes[:count]), (open_writes[count], chance.randrange(9))
        elif open_writes and way == 1:  # all but one
            kept = set(open_writes) - {chance.choice(open_writes)}
        elif open_writes and way == 2:  # the last alone
            kept = {open_writes[-1]}
        else:
            kept = {w for w in open_writes if chance.random() < 0.5}
        yield disk.state(names, kept, torn)
