"""W5: what a run costs as the store grows. The past is made by multiplying recorded rows, with the server stopped."""
import hashlib
import os
import random
import sqlite3
import sys
import time

from driver import SUCCEEDED

SIZES = (10_000, 100_000, 1_000_000, 10_000_000)
SECONDS, SPANS = 3, 5
CONNECTIONS = "128"  # each with a run under way: that makes commits of one size, on which most of the cost depends
KEPT = 64  # bytes of each body in the multiplied rows
# Fingerprints lie all over the part of their index that belongs to an hour, which dedup looks back; of older hours nothing is
# touched. So what a run costs grows with the alerts of an hour, not with the store.
ALERTS_AN_HOUR = 100_000
MS_APART = 2  # between one copy and the next, so that all of the past lies before what is measured

# Per table: its key, and by how much a copy's key is above the one before (a name of `strides`); then its columns. The rest
# is copied as it is.
TABLES = {
    "ingest_events": ("seq", "events", {"id": "ulid", "alert_id": "ulid", "runs": "ulid", "received": "time"}),
    "ingest_raw": ("seq", "events", {"body": "cut"}),
    "cases_alerts": ("seq", "events", {"id": "ulid", "event_id": "ulid", "first_seen": "time", "last_seen": "time",
                                       "fingerprint": "mix", "bucket": "bucket"}),
    "cases_alert_bodies": ("seq", "events", {"body": "cut"}),
    "engine_runs": ("number", "runs", {"id": "ulid", "event_id": "ulid", "alert_id": "ulid", "created": "time",
                                       "ended": "time"}),
    "engine_journal": ("key", "journal", {"record": "cut"}),
    "store_outbox": ("seq", "outbox", {"subject": "ulid", "at": "time", "body": "cut"}),
}
FORMS = {"ulid": "shift({0})", "time": "{0} + :us", "cut": f"substr({{0}}, 1, {KEPT})", "mix": "mix({0})",
         "bucket": "{0} - :hours"}


def w5(bench):
    largest = bench.options.count or (SIZES[-1] if bench.options.full else 100_000)
    sizes = [size for size in SIZES if size <= largest]
    if sizes[-1] != largest:
        sizes.append(largest)
    print(f"W5: cost of a run of W1 with {', '.join(f'{size:,}' for size in sizes)} runs in the store")
    bench.start("w5")
    while bench.metric(SUCCEEDED) < sizes[0] * 0.9:
        bench.load(bench.port, PATH, 2, "--connections", CONNECTIONS, "--warm", "0")
    bench.stop()
    costs = []
    for size in sizes:
        if costs:
            begun = time.monotonic()
            bytes_held = fill(bench.folder / "w5" / "tocsin.db", size)
            print(f"    filled in {time.monotonic() - begun:.0f} s, {bytes_held / 1e9:.1f} GB", flush=True)
        costs.append(cost(bench, size))
    bench.say("W5, dearest size beside the cheapest", 100 * (max(costs) / min(costs) - 1), "%", "goal 20")


COMMITS = "tocsin_store_commit_seconds_count"
PATH = "/api/v1/events/wazuh?wait=30s"


def cost(bench, size):
    """The least of some spans: what else the machine does only adds to it. µs a run."""
    begun = time.monotonic()
    bench.start("w5")
    ready = (time.monotonic() - begun) * 1e3
    bench.load(bench.port, PATH, 2, "--connections", CONNECTIONS, "--warm", "0")  # caches
    spans = []
    for _ in range(SPANS):
        before, cpu, read = bench.metric(SUCCEEDED), bench.cpu_us(), bench.disk_read_bytes()
        commits = bench.metric(COMMITS)
        got = bench.load(bench.port, PATH, SECONDS, "--connections", CONNECTIONS, "--warm", "0")
        commits = bench.metric(COMMITS) - commits
        runs = bench.metric(SUCCEEDED) - before
        threads = {name: (us - cpu.get(name, 0)) / runs for name, us in bench.cpu_us().items()}
        spans.append((sum(threads.values()), threads, got, (bench.disk_read_bytes() - read) / runs, runs / commits))
    least, threads, got, read, grouped = min(spans, key=lambda span: span[0])
    bench.say(f"W5, CPU of the server a run at {size:,} runs", least, "us",
              f"store-writer {threads['store-writer']:.0f}, store-log {threads['store-log']:.0f}; of {SPANS} spans up to "
              f"{max(span[0] for span in spans):.0f}; {got['rate']:.0f} runs/s, {grouped:.0f} a commit; "
              f"{read:,.0f} bytes read from the disk a run; start {ready:.0f} ms")
    bench.stop()
    return least


# ---- the filler ----

def fill(path, size):
    """Copies what is there until about `size` runs are."""
    os.environ["SQLITE_TMPDIR"] = str(path.parent)
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("locking_mode=EXCLUSIVE", "journal_mode=OFF", "synchronous=OFF", "cache_size=-500000"):
        db.execute("PRAGMA " + pragma).fetchall()
    refuse_unknown_tables(db)
    indexes = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN "
                         f"({', '.join('?' * len(TABLES))})", list(TABLES)).fetchall()
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    copy_rows(db, size)
    for _, sql in indexes:
        db.execute(sql)
    if size <= 100_000 and db.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
        sys.exit("the filled store is damaged")
    db.execute("PRAGMA journal_mode=WAL").fetchall()
    db.close()
    os.sync()  # or the server's first syncs wait for all of it
    return path.stat().st_size


def refuse_unknown_tables(db):
    """A table with a row per run that the filler knows nothing about would make the figures wrong."""
    runs = db.execute("SELECT count(*) FROM engine_runs").fetchone()[0]
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'").fetchall():
        if name not in TABLES and db.execute(f"SELECT count(*) FROM {name}").fetchone()[0] > runs // 2:
            sys.exit(f"bench/part_growth.py does not know how to multiply {name}")


def copy_rows(db, size):
    base = {table: db.execute(f"SELECT min({key}), max({key}), count(*) FROM {table}").fetchone()
            for table, (key, _, _) in TABLES.items()}
    runs = base["engine_runs"][2]
    span = {table: high - low + 1 for table, (low, high, _) in base.items()}
    strides = {"events": max(span["ingest_events"], span["cases_alerts"]), "runs": span["engine_runs"],
               "journal": span["engine_runs"] << 17, "outbox": span["store_outbox"]}
    copies = round(size / runs) - 1
    shift_ms = int((time.time() * 1e3 - db.execute("SELECT max(created) FROM engine_runs").fetchone()[0] / 1e3) / (copies + 1))
    shift_ms = max(1, min(MS_APART, shift_ms))
    state = {}
    db.create_function("shift", 1, lambda ids: shift_ulids(ids, state["add"], state["flip"]), deterministic=True)
    db.create_function("mix", 1, lambda seed: hashlib.blake2b(seed, digest_size=len(seed), salt=state["salt"]).digest(),
                       deterministic=True)
    statements = [(copy_statement(db, table), table) for table in TABLES]
    for copy in range(1, copies + 1):
        state.update(add=copy * shift_ms << 80, flip=random.getrandbits(80), salt=os.urandom(16))
        db.execute("BEGIN")
        for statement, table in statements:
            low, high, _ = base[table]
            db.execute(statement, {"stride": copy * strides[TABLES[table][1]], "us": copy * shift_ms * 1000,
                                   "hours": copy * runs // ALERTS_AN_HOUR, "low": low, "high": high})
        db.execute("COMMIT")


def copy_statement(db, table):
    key, _, special = TABLES[table]
    names = [row[1] for row in db.execute(f"PRAGMA table_info({table})")]
    lacking = set(special) - set(names)
    if lacking:
        sys.exit(f"bench/part_growth.py: {table} has no column {', '.join(lacking)}")
    values = [f"{name} + :stride" if name == key else FORMS[special[name]].format(name) if name in special else name
              for name in names]
    return (f"INSERT INTO {table} ({', '.join(names)}) SELECT {', '.join(values)} FROM {table}"
            f" WHERE {key} BETWEEN :low AND :high ORDER BY {key}")


def shift_ulids(ids, add, flip):
    """Each has its milliseconds in the first six bytes, chance in the other ten; the same new one in all tables."""
    if not ids or len(ids) % 16:
        return ids
    return b"".join(((int.from_bytes(ids[at:at + 16], "big") + add) ^ flip).to_bytes(16, "big")
                    for at in range(0, len(ids), 16))
