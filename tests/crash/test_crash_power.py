#!/usr/bin/env python3
"""Power cuts: tests/crash/test_crash_power.py [--states N] [--seed N]

The server is recorded under a small load: each write, sync and answer. Then states that a power cut can leave are
made, from every place of the record, and looked at: the database is whole, and holds each event and each run that had
been acknowledged by then. On some of them the server is started: it must come up, its audit chain must be whole, and
the runs must come to their ends.
The last line is `N passed, N failed`, in states.
"""
import argparse
import hashlib
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile

import crash_world as world
import power_cut
from crash_world import Gone

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def id_bytes(text):
    number = 0
    for digit in text:
        number = number * 32 + DIGITS.index(digit)
    return number.to_bytes(16, "big")


def record_load(folder, stub):
    """Plays a load under the recorder; returns the records."""
    server = world.Server(folder, stub)
    log = pathlib.Path(folder) / "record"
    server.start({"LD_PRELOAD": str(world.preload("record")), "TOCSIN_RECORD_FILE": str(log),
                  "TOCSIN_RECORD_FOLDER": str(folder)})
    server.set_up()
    for number in range(3):
        server.post("crash", {"kind": "start", "name": f"p{number}"})
    server.post("crash", {"kind": "large", "name": "x" * 100_000})  # a blob

    def has_ended():
        server.answer_open_tasks()
        runs = [server.run(r["id"]) for r in server.items("/api/v1/runs")]
        if any(s["id"] == "told" and s["status"] == "waiting" for r in runs for s in world.steps_of(r)):
            server.post("crash", {"kind": "go", "at": os.urandom(4).hex()})
        return len(runs) >= 9 and all(r["status"] in world.ENDED for r in runs)

    world.wait_until(has_ended, 60, "the recorded runs have ended")
    status = server.stop()
    if status != 0:
        raise AssertionError(f"the recorded server ended with {status}")
    server.log.close()
    return power_cut.read_records(log)


def write_state(folder, made, base):
    for path, content in made.items():
        target = folder / pathlib.Path(path).relative_to(base)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
        target.chmod(0o600)


def check_database(folder, promised_events, promised_runs):
    path = folder / "data/tocsin.db"
    if not path.exists():
        if promised_events:
            raise AssertionError("the database is gone")
        return
    db = sqlite3.connect(path)
    try:
        broken = db.execute("PRAGMA quick_check(1)").fetchone()[0]
        if broken != "ok":
            raise AssertionError(f"the database is damaged: {broken}")
        for table, promised in (("ingest_events", promised_events), ("engine_runs", promised_runs)):
            if promised:
                have = {row[0] for row in db.execute(f"SELECT id FROM {table}")}
                missing = [text for text in promised if id_bytes(text) not in have]
                if missing:
                    raise AssertionError(f"{len(missing)} acknowledged rows of {table} are lost, e.g. {missing[0]}")
        check_blobs(folder, db)
    except sqlite3.DatabaseError as error:
        raise AssertionError(f"the database does not open: {error}") from None
    finally:
        db.close()


def check_blobs(folder, db):
    """What a row names is there, whole."""
    if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'store_blobs'").fetchone():
        return
    for tenant, digest, size in db.execute("SELECT tenant, lower(hex(hash)), size FROM store_blobs"):
        path = folder / "data/blobs" / str(tenant) / digest[:2] / digest
        if not path.exists():
            raise AssertionError(f"the blob {digest} is gone")
        content = path.read_bytes()
        if len(content) != size or hashlib.blake2b(content, digest_size=32).hexdigest() != digest:
            raise AssertionError(f"the blob {digest} is damaged")


def check_start(folder, stub, promised_events):
    server = world.Server(folder, stub)
    try:
        server.start()
    except Gone as error:
        raise AssertionError(f"the server does not start: {error}") from None
    try:
        if (folder / "token").exists():
            status, body = server.call("GET", "/api/v1/audit/verify")
            if status != 200 or not body["good"]:
                raise AssertionError(f"the audit chain is broken: {status} {body}")
            for event in promised_events:
                status, body = server.call("GET", "/api/v1/events/" + event)
                if status != 200 or body["fate"] not in ("run", "no_trigger", "merged"):
                    raise AssertionError(f"event {event}: {status} {body}")
            server.set_up()
            world.wait_until(lambda: goes_on(server), 30, "the runs have ended after the cut")
    finally:
        server.kill()
        server.log.close()


def goes_on(server):
    server.answer_open_tasks()
    server.post("crash", {"kind": "go", "at": os.urandom(4).hex()})
    return all(r["status"] in world.ENDED for r in server.items("/api/v1/runs"))


class Check:
    def __init__(self, records, base, stub, start_every):
        self.records, self.base, self.stub, self.start_every = records, base, stub, start_every
        self.events, self.runs, self.position = [], [], 0
        self.passed = self.failed = self.started = 0
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-cut-", dir="/dev/shm"))

    def take(self, number, made):
        while self.position <= number:
            events, runs = power_cut.acknowledged(self.records[self.position])
            self.events += events
            self.runs += runs
            self.position += 1
        shutil.rmtree(self.place)
        self.place.mkdir()
        write_state(self.place, made, self.base)
        is_started = self.start_every and (self.passed + self.failed) % self.start_every == 0
        try:
            if is_started:
                self.started += 1
                check_start(self.place, self.stub, self.events)
            check_database(self.place, self.events, self.runs)
            self.passed += 1
        except AssertionError as error:
            self.failed += 1
            print(f"FAIL after record {number} of {len(self.records)} ({self.records[number].kind} "
                  f"{self.records[number].path}): {error}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--states", type=int, default=int(os.environ.get("TOCSIN_POWER_STATES", "2000")))
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--start-every", type=int, default=100, help="the server is started on each Nth state")
    options = parser.parse_args()
    stub = world.Stub()
    with world.new_folder() as base:
        try:
            records = record_load(base, stub)
            places = sum(r.kind not in ("send", "sync-begin") for r in records)
            check = Check(records, base, stub, options.start_every)
            print(f"{len(records)} records, {places} places for a cut", flush=True)
            # Many are alike and are not counted twice: a few more per place than would be needed.
            per_cut = max(4, round(1.5 * options.states / max(places, 1)))
            share = min(1, options.states / (per_cut * max(places, 1)))
            for number, made in power_cut.states(records, per_cut, share, options.seed):
                check.take(number, made)
                if check.passed % 5000 == 0:
                    print(f"{check.passed} states passed, {check.started} started", flush=True)
                if check.failed >= 20:
                    break
        finally:
            stub.close()
    shutil.rmtree(check.place, ignore_errors=True)
    print(f"{check.started} of them started; {len(check.events)} events acknowledged in the end")
    print(f"{check.passed} passed, {check.failed} failed")
    return 1 if check.failed or not check.passed else 0


if __name__ == "__main__":
    sys.exit(main())
