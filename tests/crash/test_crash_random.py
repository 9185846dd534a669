#!/usr/bin/env python3
"""Kills the server at random instants under a mixed load, and checks from outside that nothing shows:
tests/crash/test_crash_random.py [--cycles N] [--seed N] [--stories N] [--totals FILE]

A cycle is one life of the server. Senders post alerts and send again what was not acknowledged; a person answers what
is asked; a playbook uses every kind of step. Now and then the load pauses until all has ended, and then must hold:
each acknowledged event stands in the ledger once; each alert has one run, which ended as one without a crash does; each
action took effect once, by what the stub counted, the unsafe one too (the person looks before they answer); each
containment has ended; each run has its one case; the audit chain is whole.
The last line is `N passed, N failed`, in cycles.
"""
import argparse
import json
import os
import pathlib
import random
import sys
import threading
import time

import crash_world as world
from crash_world import Gone

EXPECTED = {"each": [88, 89, 90], "wide": [1, 2, 3, 4], "sum": 6, "tries": 2, "caught": True, "choice": "go", "child": 87}


class Load:
    """Threads that go on through the deaths of the server. Each has a connection of its own."""

    def __init__(self, server, names, unfinished_max):
        self.server, self.names, self.unfinished_max = server, names, unfinished_max
        self.acknowledged, self.go_ids, self.sent = {}, [], 0
        self.lock, self.up, self.is_over = threading.Lock(), threading.Event(), False
        self.is_sending, self.fault = True, None
        self.ended = 0
        self.threads = [threading.Thread(target=self.guard, args=(job,)) for job in (self.send, self.send, self.person)]
        for thread in self.threads:
            thread.start()

    def guard(self, job):
        try:
            job()
        except Exception as error:  # a broken promise, told by the main thread
            self.fault = self.fault or error

    def close(self):
        self.is_over = True
        self.up.set()
        for thread in self.threads:
            thread.join()

    def each_life(self, work):
        """Calls `work` with a connection to the server while it lives."""
        while not self.is_over:
            if not self.up.wait(0.1):
                continue
            connection = Life(self.server)
            try:
                work(connection)
            except Gone:
                time.sleep(0.001)
            finally:
                connection.caller.close()

    def next_name(self):
        with self.lock:
            if not self.is_sending or self.sent >= len(self.names) or self.sent - self.ended >= self.unfinished_max:
                return None
            self.sent += 1
            return self.names[self.sent - 1]

    def send(self):
        pending = []

        def work(life):
            while not self.is_over:
                name = pending[0] if pending else self.next_name()
                if name is None:
                    time.sleep(0.002)
                    if not self.up.is_set():
                        return
                    continue
                pending[:] = [name]
                event = life.post("crash", {"kind": "start", "name": name})
                self.acknowledged.setdefault(name, []).append(event["id"])
                pending.clear()

        self.each_life(work)

    def person(self):
        def work(life):
            while not self.is_over:
                life.answer_open_tasks()
                self.go_ids.append(life.post("crash", {"kind": "go", "at": os.urandom(6).hex()})["id"])
                self.ended = sum(r["playbook"] == "every-kind" and r["status"] == "succeeded"
                                 for r in life.items("/api/v1/runs"))
                time.sleep(0.01)

        self.each_life(work)


class Life(world.Server):
    """The same server through another connection."""

    def __init__(self, server):
        self.stub, self.token, self.caller = server.stub, server.token, world.Caller(server.port)


class Folder:
    """One data folder and its load, through many lives."""

    def __init__(self, options, chance, number):
        self.chance, self.stub = chance, world.Stub()
        self.place = world.new_folder()
        self.server = world.Server(self.place.name, self.stub)
        names = [f"s{number}-{i}" for i in range(options.stories)]
        self.server.start()
        self.server.set_up()
        self.load = Load(self.server, names, unfinished_max=16)
        self.load.up.set()

    def close(self):
        self.load.close()
        if self.server.process.poll() is None:
            self.server.kill()
        self.stub.close()
        self.server.log.close()
        self.place.cleanup()

    def cycle(self):
        """Lives, dies, lives again."""
        time.sleep(min(self.chance.expovariate(1 / 0.05), 0.5))
        self.load.up.clear()
        status = self.server.kill()
        if status != -9:
            raise AssertionError(f"the server ended by itself, status {status}: {self.server.log_tail()}")
        while self.chance.random() < 0.15:  # dies again while it starts
            self.server.start_and_kill(self.chance.random() * 0.03)
        self.server.start()
        self.load.up.set()
        if self.load.fault:
            raise self.load.fault

    def is_quiet(self):
        if self.load.fault:
            raise self.load.fault
        runs = self.server.items("/api/v1/runs")
        containments = self.server.items("/api/v1/containments")
        return (len(self.load.acknowledged) == self.load.sent and all(r["status"] in world.ENDED for r in runs)
                and all(c["status"] in ("ended",) for c in containments))

    def check(self):
        self.load.is_sending = False
        try:
            world.wait_until(self.is_quiet, 40, "all runs and containments have ended")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.what_hangs()}") from None
        self.load.close()
        names = self.load.names[:self.load.sent]
        self.check_ledger()
        self.check_runs(names)
        calls = self.stub.calls()
        for name in names:
            world.check_calls(calls, name)
        cases = self.server.items("/api/v1/cases")
        if sorted(c["title"] for c in cases) != sorted(f"Crash {name}" for name in names):
            raise AssertionError(f"{len(cases)} cases for {len(names)} runs")
        status, body = self.server.call("GET", "/api/v1/audit/verify")
        if status != 200 or not body["good"]:
            raise AssertionError(f"the audit chain is broken: {body}")
        return len(names)

    def what_hangs(self):
        runs = [r for r in self.server.items("/api/v1/runs") if r["status"] not in world.ENDED]
        whole = [json.dumps(self.server.run(r["id"]))[:3000] for r in runs[:1]]
        leases = [c for c in self.server.items("/api/v1/containments") if c["status"] != "ended"]
        return (f"{len(self.load.acknowledged)} of {self.load.sent} acknowledged; runs {[(r['playbook'], r['status']) for r in runs][:10]} "
                f"{whole}; containments {leases[:3]}; log {self.server.log_tail()}")

    def check_ledger(self):
        events = self.server.items("/api/v1/events")
        ids = [e["id"] for e in events]
        if len(set(ids)) != len(ids):
            raise AssertionError("an event stands in the ledger twice")
        for event in events:
            if event["fate"] not in ("run", "no_trigger", "merged"):
                raise AssertionError(f"event {event['id']} ended as {event['fate']}")
        promised = [i for given in self.load.acknowledged.values() for i in given] + self.load.go_ids
        missing = set(promised) - set(ids)
        if missing:
            raise AssertionError(f"{len(missing)} acknowledged events are lost, e.g. {sorted(missing)[0]}")

    def check_runs(self, names):
        found = {}
        for run in self.server.items("/api/v1/runs"):
            if run["status"] != "succeeded":
                raise AssertionError(f"run {run['id']} of {run['playbook']} ended as {run['status']}: {run['error']}")
            if run["playbook"] == "every-kind":
                output = self.server.run(run["id"])["output"]
                found.setdefault(output.pop("name"), []).append(output)
        for name in names:
            if found.get(name) != [EXPECTED]:
                raise AssertionError(f"{name} has the runs {found.get(name)}")
        if set(found) != set(names):
            raise AssertionError(f"runs that nobody asked for: {sorted(set(found) - set(names))[:3]}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=int(os.environ.get("TOCSIN_CRASH_CYCLES", "60")))
    parser.add_argument("--seed", type=int, default=int(os.environ.get("TOCSIN_CRASH_SEED", "0")) or int(time.time()))
    parser.add_argument("--stories", type=int, default=60, help="alerts a data folder")
    parser.add_argument("--lives", type=int, default=40, help="cycles a data folder")
    options = parser.parse_args()
    chance, begun = random.Random(options.seed), time.monotonic()
    done = stories = 0
    print(f"seed {options.seed}", flush=True)
    while done < options.cycles:
        folder = Folder(options, chance, done)
        lives = 0
        try:
            while lives < options.lives and done + lives < options.cycles:
                folder.cycle()
                lives += 1
            stories += folder.check()
        except (AssertionError, Gone) as error:
            print(f"FAIL in cycle {done + lives}: {error!r}")
            print(f"{done} passed, 1 failed")
            return 1
        finally:
            folder.close()
        done += lives
        rate = done / (time.monotonic() - begun)
        print(f"{done} cycles, {stories} stories, {rate:.1f} cycles/s", flush=True)
    print(f"{done} passed, 0 failed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
