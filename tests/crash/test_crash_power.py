#!/usr/bin/env python3
"""Power cuts: tests/crash/test_crash_power.py [--states N] [--seed N] [--start-every N] [--settle-every N] [--jobs N]

The server is recorded under several loads (power_sessions.py): each write, sync and answer. Then states that a power cut
can leave are made, from every place of the record, and looked at. On each Nth the server is started: it must come up,
its audit chain and its ledger must be whole. On each Mth it leads the runs to their ends: they succeed, containments end,
and no unsafe action that had gone out before the cut goes out again. Of all, the database is whole, with each event,
run, playbook, secret, connection, case and blob that had been acknowledged by then; a backup under its name is whole.
The last line is `N passed, N failed`, in states that differ.
"""
import argparse
import collections
import concurrent.futures
import functools
import hashlib
import itertools
import os
import pathlib
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time

import crash_world as world
import power_cut
import power_sessions
from crash_world import Gone

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
STATES_OF_A_JOB = 150
PER_CUT_MAX = 100
BY_ID = ("ingest_events", "engine_runs")
OTHERS = {"playbook": "SELECT max(version) >= ? FROM engine_playbooks WHERE name = 'made'",
          "secret": "SELECT count(*) FROM access_secrets WHERE name = ?",
          "connection": "SELECT count(*) FROM access_connections WHERE name = ?"}


@functools.lru_cache(maxsize=None)
def id_bytes(text):
    number = 0
    for digit in text:
        number = number * 32 + DIGITS.index(digit)
    return number.to_bytes(16, "big")


class Worker:
    """What a process needs to look at states: a folder, a stub, a server that is started by a fork."""

    def __init__(self):
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-cut-", dir="/dev/shm"))
        self.stub = world.Stub()
        self.environment = {"TOCSIN_CONNECT_INSTEAD": f"{recording_stub.port}:{self.stub.port}"}
        self.spawner = None if world.HAS_SANITIZER else world.Spawner(self.environment)
        self.environment["LD_PRELOAD"] = str(world.preload("spawn"))

    def write(self, made, base):
        shutil.rmtree(self.place, ignore_errors=True)
        self.place.mkdir()
        for path, (content, _) in made.items():
            target = self.place / pathlib.Path(path).relative_to(base)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)
            target.chmod(0o600)

    def look(self, session, promised, is_started, is_settled):
        if is_started:
            self.start(session, promised, is_settled)
        check_database(self.place, promised)
        copy = self.place / session.backup.name if session.backup else None
        if copy and "backup" in promised and not copy.exists():
            raise AssertionError("the backup is gone")
        if copy and copy.exists():
            restored = subprocess.run([str(world.BIN), "restore", str(copy), "--data", str(self.place / "restored")],
                                      capture_output=True, text=True)
            if restored.returncode != 0:
                raise AssertionError(f"the backup is not whole: {restored.stderr}")
            check_database(self.place, promised, "restored")

    def start(self, session, promised, is_settled):
        server = world.Server(self.place, self.stub, power_sessions.CONTENT, self.spawner)
        server.ahead_s = session.ahead_s
        if is_settled:
            self.tell_stub(promised)
        try:
            server.start(None if self.spawner else self.environment | {"TOCSIN_CLOCK_AHEAD": str(session.ahead_s)})
        except Gone as error:
            raise AssertionError(f"the server does not start: {error}") from None
        try:
            for path, name, good in (("/api/v1/audit/verify", "good", True), ("/api/v1/audit/events", "faults", [])):
                status, body = server.call("GET", path)
                if status != 200 or body[name] != good:
                    raise AssertionError(f"{path}: {status} {body}")
            if is_settled:
                self.settle(server, promised)
        except Gone as error:
            raise AssertionError(f"the server went away: {error}, {server.log_tail()}") from None
        finally:
            server.caller.close()
            server.process.kill()
            server.process.wait()
            server.process.stdout.close()
            server.log.close()

    def tell_stub(self, promised):
        """It is another one than the recorded server's, and has to know what that one knew."""
        self.stub.forget()
        for path in promised.get("once", ()):
            self.stub.caller.call("GET", path)

    def settle(self, server, promised):
        sent_before = promised.get("unsafe", ())
        server.set_up()
        try:
            world.wait_until(lambda: power_sessions.goes_on(server, sent_before), 40, "the runs have ended after the cut")
        except AssertionError as error:
            runs = [(r["playbook"], r["status"], r["id"]) for r in server.items(f"/api/v1/runs?status={world.OPEN}")]
            raise AssertionError(f"{error}: {runs[:5]} {server.log_tail()}") from None
        for run in server.items("/api/v1/runs"):
            if run["status"] in ("failed", "cancelled"):  # a schedule or a changed case may have begun one just now
                raise AssertionError(f"run {run['id']} of {run['playbook']} ended as {run['status']}: {run['error']}")
        for (method, path), (_, effects) in self.stub.calls().items():
            if path.startswith("/unsafe/") and effects != (0 if path[8:] in sent_before else 1):
                raise AssertionError(f"{path} took effect {effects} times after the cut")


def check_database(folder, promised, name="data"):
    path = folder / name / "tocsin.db"
    if not path.exists():
        if set(promised) - {"unsafe", "once"}:
            raise AssertionError("the database is gone")
        return
    db = sqlite3.connect(path)
    try:
        broken = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if broken != "ok":
            raise AssertionError(f"the database is damaged: {broken}")
        for table, key in (*((t, t) for t in BY_ID), ("cases_cases", "case")):
            if key in promised:
                have = {row[0] for row in db.execute(f"SELECT id FROM {table}")}
                missing = [text for text in promised[key] if id_bytes(text) not in have]
                if missing:
                    raise AssertionError(f"{len(missing)} acknowledged rows of {table} are lost, e.g. {missing[0]}")
        for kind, question in OTHERS.items():
            for what in promised.get(kind, ()):
                if not db.execute(question, (what,)).fetchone()[0]:
                    raise AssertionError(f"the {kind} {what} was acknowledged and is lost")
        check_blobs(folder / name, db)
    except sqlite3.DatabaseError as error:
        raise AssertionError(f"the database does not open: {error}") from None
    finally:
        db.close()


def check_blobs(folder, db):
    """What a row names is there, whole."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'store_blobs'").fetchone():
        return
    for tenant, digest, size in db.execute("SELECT tenant, lower(hex(hash)), size FROM store_blobs"):
        path = folder / "blobs" / str(tenant) / digest[:2] / digest
        if not path.exists():
            raise AssertionError(f"the blob {digest} is gone")
        content = path.read_bytes()
        if len(content) != size or hashlib.blake2b(content, digest_size=32).hexdigest() != digest:
            raise AssertionError(f"the blob {digest} is damaged")


def promised_at(session, number):
    """{kind: [what]} of all that was acknowledged with the records up to this one."""
    found = {}
    for at, kind, what in session.promises:
        if at <= number:
            found.setdefault(kind, []).append(what)
    return found


sessions, recording_stub, worker = [], None, None  # the two first: of the parent, which forks


def begin_worker():
    global worker
    world.die_with_parent()
    worker = Worker()


def look_at(index, first, last, per_cut, options):
    """Cuts between two records of a session; returns ({hash: (is_started, is_settled)}, faults)."""
    session, seen, faults = sessions[index], {}, []
    chance = random.Random(f"{options.seed}/{index}/{first}")
    for number, digest, made in power_cut.states(session, first, last, per_cut, chance):
        is_started = options.start_every and chance.randrange(options.start_every) == 0
        is_settled = is_started and chance.randrange(options.settle_every) == 0
        try:
            worker.write(made, session.folder)
            worker.look(session, promised_at(session, number), is_started, is_settled)
        except Exception as error:
            record = session.records[number]
            kept = worker.place.rename(f"{worker.place}-{index}-{number}-{digest.hex()[:6]}")
            faults.append(f"{session.name} after record {number} of {len(session.records)} ({record.kind} {record.path}): "
                          f"{error!r}; --seed {options.seed}, its folder after the look: {kept}")
            if len(faults) >= 3:
                break
        seen[digest] = (bool(is_started), bool(is_settled))
    return session.name, seen, faults


def places_of(session):
    return [i for i, record in enumerate(session.records) if record.kind not in ("send", "sync-begin")]


def plan(options):
    """Jobs of all sessions in turn, those of one in an order by chance, so that each has its share."""
    chance, lists = random.Random(options.seed), []
    for index, session in enumerate(sessions):
        places = places_of(session)
        # Many states are alike and are not counted twice: more than would be needed.
        per_cut = min(PER_CUT_MAX, max(4, round(3 * options.states / len(sessions) / len(places))))
        size = max(1, STATES_OF_A_JOB // per_cut)
        jobs = [(index, places[i], places[min(i + size, len(places)) - 1] + 1, per_cut) for i in range(0, len(places), size)]
        chance.shuffle(jobs)
        lists.append(jobs)
        print(f"{session.name}: {len(session.records)} records, {len(places)} places, {per_cut} cuts each", flush=True)
    return [job for turn in itertools.zip_longest(*lists) for job in turn if job]


def run(options):
    """Returns ({hash: (is_started, is_settled)}, {session: states}, faults)."""
    jobs, seen, of_session, failed, begun = collections.deque(plan(options)), {}, {}, 0, time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=begin_worker) as pool:
        waiting = set()
        while (jobs or waiting) and len(seen) < options.states and failed < 20 and time.monotonic() - begun < options.seconds:
            while jobs and len(waiting) < 2 * options.jobs:
                waiting.add(pool.submit(look_at, *jobs.popleft(), options))
            done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for name, states, faults in (job.result() for job in done):
                before = len(seen) // 1000
                of_session[name] = of_session.get(name, 0) + len(states.keys() - seen.keys())
                seen.update(states)
                failed += len(faults)
                for fault in faults:
                    print(f"FAIL {fault}", flush=True)
                if len(seen) // 1000 > before:
                    print(f"{len(seen)} states, {len(seen) / (time.monotonic() - begun):.0f}/s", flush=True)
        for job in waiting:
            job.cancel()
        end_workers(pool, options.jobs)
    return seen, of_session, failed


def end_workers(pool, count):
    for job in [pool.submit(end_worker) for _ in range(count)]:
        job.result()


def end_worker():
    if worker.place.exists():
        shutil.rmtree(worker.place)
    time.sleep(0.05)  # so that each takes one


def main():
    global recording_stub
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=int(os.environ.get("TOCSIN_POWER_STATES", "1200")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1))
    parser.add_argument("--sessions", default="first-start,second-start,publishing,backup", help="of " + ", ".join(power_sessions.SESSIONS))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="ends after this time with what there is then")
    parser.add_argument("--start-every", type=int, default=50, help="the server is started on one of N states")
    parser.add_argument("--settle-every", type=int, default=2, help="and on one of N of these leads the runs to their ends")
    options = parser.parse_args()
    recording_stub, folders = world.Stub(), []
    try:
        for name in power_sessions.SESSIONS if options.sessions == "all" else options.sessions.split(","):
            folders.append(world.new_folder())
            place = pathlib.Path(folders[-1].name) / "recorded"
            place.mkdir()
            sessions.append(power_sessions.record(name, place, recording_stub))
        seen, of_session, failed = run(options)
    finally:
        recording_stub.close()
        for folder in folders:
            folder.cleanup()
    print(", ".join(f"{name}: {count}" for name, count in sorted(of_session.items())))
    print(f"{sum(s for s, _ in seen.values())} started, {sum(s for _, s in seen.values())} of them led to the end")
    print(f"{len(seen) - failed} passed, {failed} failed")
    return 1 if failed or not seen else 0


if __name__ == "__main__":
    sys.exit(main())
