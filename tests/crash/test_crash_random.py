#!/usr/bin/env python3
"""Kills the server at random instants under a mixed load, and checks from outside that nothing shows:
tests/crash/test_crash_random.py [--cycles N] [--jobs N] [--seed N [--only FOLDER]]

A cycle is one life of the server; a folder has many lives, several folders live side by side. Events come in every way
that needs no other server, from senders that send again what was not acknowledged; the clock starts runs; people answer,
and end containments early; playbooks use every kind of step; from life to life the clock may go ahead. After its lives a
folder is left alone until all has ended, and then must hold: each acknowledged event stands in the ledger once; each
alert, hook and call by hand has one run, which ended as one without a crash does; each action took effect once, by what
the stub counted, the unsafe one too (the person looks before they answer); each containment has ended; each run has its
one case, with one comment; no time of a schedule was left out or came twice; the audit chain is whole.
The last line is `N passed, N failed`, in cycles.
"""
import argparse
import concurrent.futures
import datetime
import json
import os
import pathlib
import random
import shutil
import struct
import sys
import tempfile
import time

import crash_world as world
from crash_load import KEY, Load
from crash_world import Gone

EXPECTED = {"each": [88, 89, 90], "wide": [1, 2, 3, 4], "sum": 6, "tries": 2, "caught": True, "choice": "go", "child": 87,
            "unanswered": "stop", "refused": True}
NAMED = {"every-kind": EXPECTED, "crash-short": {"verdict": "good"}, "crash-cef": {"verdict": "good"}}
SHORT_ACTS = ["block/{}", "unblock/{}", "unsafe/{}"]
MINUTE = datetime.timedelta(minutes=1)


def cut_commit(path):
    """Whether the log ends inside a commit: the server died between its writes."""
    try:
        with open(path, "rb") as log:
            head = log.read(32)
            size = os.fstat(log.fileno()).st_size
            if len(head) < 32:
                return size > 0
            frame = 24 + struct.unpack_from(">I", head, 8)[0]

            def at(number):
                return os.pread(log.fileno(), 24, 32 + number * frame)

            low, high = 0, (size - 32) // frame  # frames of this round of the log come before those of the last one
            while low < high:
                middle = (low + high) // 2
                if at(middle)[8:16] == head[16:24]:
                    low = middle + 1
                else:
                    high = middle
            return low > 0 and struct.unpack_from(">I", at(low - 1), 4)[0] == 0
    except FileNotFoundError:
        return False


class Folder:
    """One data folder and its load, through many lives."""

    def __init__(self, options, number):
        self.seed = f"{options.seed}/{number}"
        self.chance, self.stub = random.Random(self.seed), world.Stub()
        self.spawner = None if world.HAS_SANITIZER else world.Spawner()
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-crash-", dir="/dev/shm"))
        self.server = world.Server(self.place, self.stub, ("content", "content-mixed"), self.spawner)
        self.totals = dict.fromkeys(("cycles", "with open runs", "with requests in flight", "inside a commit", "while starting"), 0)
        self.server.start()
        self.server.set_up()
        self.must("PUT", "/api/v1/secrets/crash-key", {"value": KEY})
        self.load = Load(self.server, self.seed, options.names)
        self.load.up.set()

    def must(self, method, path, body=None):
        status, answer = self.server.call(method, path, body)
        if status not in (200, 201):
            raise AssertionError(f"{method} {path}: {status} {answer}")
        return answer

    def close(self, keep):
        self.load.close()
        if self.server.process.poll() is None:
            self.server.kill()
        self.stub.close()
        self.server.log.close()
        if self.spawner:
            self.spawner.close()
        if not keep:
            shutil.rmtree(self.place)

    def count(self, what, holds):
        self.totals[what] += bool(holds)

    def cycle(self):
        """Lives, dies, lives again."""
        time.sleep(min(self.chance.expovariate(1 / 0.05), 0.5))
        self.count("with requests in flight", self.load.in_flight > 0)
        self.load.up.clear()
        status = self.server.kill()
        if status != -9:
            raise AssertionError(f"the server ended by itself, status {status}: {self.server.log_tail()}")
        self.count("with open runs", self.load.unfinished > 0)
        self.count("inside a commit", cut_commit(self.place / "data/tocsin.db-wal"))
        self.count("cycles", True)
        if self.spawner and self.chance.random() < 0.3:
            self.server.ahead_s += self.chance.randrange(1, 90)
        while self.chance.random() < 0.15:  # dies again while it starts
            self.server.start_and_kill(self.chance.random() * (0.3 if world.HAS_SANITIZER else 0.03))
            self.count("while starting", True)
        self.server.start()
        self.load.up.set()
        if self.load.fault:
            raise self.load.fault

    def is_quiet(self):
        if self.load.fault:
            raise self.load.fault
        return (self.load.pending == 0 and not self.server.items(f"/api/v1/runs?status={world.OPEN}")
                and not self.server.items("/api/v1/containments?status=active,ending,failed")
                # The engine looks once a second whether a case has changed.
                and len(self.server.items("/api/v1/cases")) == len(self.server.items("/api/v1/runs?playbook=crash-on-case")))

    def check(self):
        self.load.is_sending = False
        try:
            world.wait_until(self.is_quiet, 60, "all runs and containments have ended")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.what_hangs()}") from None
        self.load.close()
        if self.load.fault:
            raise self.load.fault
        self.check_ledger()
        found = self.check_runs()
        calls = self.stub.calls()
        self.check_effects(found, calls)
        self.check_cases(found)
        if not self.must("GET", "/api/v1/audit/verify")["good"]:
            raise AssertionError("the audit chain is broken")
        self.totals["runs"] = sum(map(len, found.values()))
        self.totals["calls repeated"] = sum(count - effects for (_, path), (count, effects) in calls.items()
                                            if path.startswith(("/act/", "/block/", "/unblock/")))
        self.totals["a person asked what became of a call"] = len(self.load.uncertain)
        self.totals.update({f"by {name}": count for name, count in self.load.used.items()})
        return self.totals

    def what_hangs(self):
        runs = self.server.items(f"/api/v1/runs?status={world.OPEN}")
        whole = [json.dumps(self.server.run(r["id"]))[:3000] for r in runs[:1]]
        leases = [c for c in self.server.items("/api/v1/containments") if c["status"] != "ended"]
        return (f"{self.load.pending} not acknowledged; runs {[(r['playbook'], r['status']) for r in runs][:10]} "
                f"{whole}; containments {leases[:3]}; log {self.server.log_tail()}")

    def check_ledger(self):
        events = self.server.items("/api/v1/events")
        ids = [e["id"] for e in events]
        if len(set(ids)) != len(ids):
            raise AssertionError("an event stands in the ledger twice")
        for event in events:
            if event["fate"] not in ("run", "no_trigger", "merged"):
                raise AssertionError(f"event {event['id']} ended as {event['fate']}")
        missing = set(self.load.events) - set(ids)
        if missing:
            raise AssertionError(f"{len(missing)} acknowledged events are lost, e.g. {sorted(missing)[0]}")
        faults = self.must("GET", "/api/v1/audit/events")["faults"]
        if faults:
            raise AssertionError(f"the ledger's own proof: {faults[:3]}")

    def check_runs(self):
        """{playbook: {name: output}}, of those that have names."""
        found = {playbook: {} for playbook in (*NAMED, "crash-on-case")}
        ticks = []
        for run in self.server.items("/api/v1/runs"):
            if run["playbook"] == "crash-clock" and run["status"] not in world.ENDED:
                continue  # it has begun just now
            if run["status"] != "succeeded":
                raise AssertionError(f"run {run['id']} of {run['playbook']} ended as {run['status']}: {run['error']}")
            if run["playbook"] == "crash-clock":
                ticks.append((run["output"]["due"], run["started"]))
            if run["playbook"] not in found:
                continue
            output = dict(run["output"])
            name = output.pop("name")
            if name in found[run["playbook"]]:
                raise AssertionError(f"{run['playbook']} ran twice for {name}")
            if output != NAMED.get(run["playbook"], {}):
                raise AssertionError(f"{run['playbook']} for {name} ended with {output}")
            found[run["playbook"]][name] = output
        for name, playbook in self.load.exact.items():
            if name not in found[playbook]:
                raise AssertionError(f"{playbook} did not run for {name}, which was acknowledged")
        known = {**self.load.exact, **self.load.maybe}
        for playbook in NAMED:
            strange = [n for n in found[playbook] if known.get(n) not in (playbook, "crash-cef")]
            if strange:
                raise AssertionError(f"runs of {playbook} that nobody asked for: {strange[:3]}")
        if set(found["crash-on-case"]) != set(found["every-kind"]):
            raise AssertionError("not one run for each case")
        if not set(found["crash-cef"]) <= set(found["crash-short"]):
            raise AssertionError("crash-cef ran without what it calls")
        self.check_ticks(sorted(ticks))
        return found

    def check_ticks(self, ticks):
        """However many times have passed while no run began, one run; so each begins with the first due one after the last."""
        times = [tuple(map(datetime.datetime.fromisoformat, tick)) for tick in ticks]
        ends = times[1:] + [(datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.server.ahead_s), None)]
        for (due, started), (following, _) in zip(times, ends):
            expected = started.replace(second=0, microsecond=0) + MINUTE
            is_last = (due, started) == times[-1]
            if started < due or (is_last and following > expected + datetime.timedelta(seconds=5)) or (
                    not is_last and following not in (expected, expected - MINUTE)):
                raise AssertionError(f"the schedule's run of {due} began {started}, the one after it is of {following}")
        if len({due for due, _ in times}) != len(times):
            raise AssertionError("a time of the schedule came twice")
        self.totals["by the clock"] = len(times)

    def check_effects(self, found, calls):
        for name in found["every-kind"]:
            world.check_calls(calls, name)
        for name in found["crash-short"]:
            world.check_calls(calls, name, SHORT_ACTS)
        strange = [n for n, playbook in self.load.maybe.items() if n not in found[playbook] and ("POST", f"/unsafe/{n}") in calls]
        if strange:
            raise AssertionError(f"actions of runs that are not there: {strange[:3]}")
        twice = [path for (_, path), (_, effects) in calls.items() if path.startswith("/act/clock-") and effects != 1]
        if twice:
            raise AssertionError(f"{twice[0]} did not take effect once")

    def check_cases(self, found):
        cases = self.server.items("/api/v1/cases")
        if sorted(c["title"] for c in cases) != sorted(found["every-kind"]):
            raise AssertionError(f"{len(cases)} cases for {len(found['every-kind'])} runs")
        for case in cases:
            lines = [line["text"] for line in self.server.call("GET", "/api/v1/cases/" + case["id"])[1]["activity"]
                     if line["kind"] == "comment"]
            if lines != [f"of {case['title']}"]:
                raise AssertionError(f"the case of {case['title']} has the comments {lines}")


def live(options, number):
    """All lives of one folder; returns (totals, what went wrong)."""
    folder, fault = Folder(options, number), None
    try:
        for _ in range(min(options.lives, options.cycles - number * options.lives)):
            folder.cycle()
        return folder.check(), None
    except Exception as error:
        fault = f"{error!r}\n  again: --seed {options.seed} --only {number} --lives {options.lives}; its data: {folder.place}"
        return folder.totals, fault
    finally:
        folder.close(keep=fault is not None)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cycles", type=int, default=int(os.environ.get("TOCSIN_CRASH_CYCLES", "60")))
    parser.add_argument("--jobs", type=int, default=2 * (os.cpu_count() or 1), help="folders that live side by side")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("TOCSIN_CRASH_SEED", "0")) or int(time.time()))
    parser.add_argument("--names", type=int, default=60, help="runs that are asked for, a folder")
    parser.add_argument("--lives", type=int, default=0, help="cycles a folder; 40, or what gives each job one")
    parser.add_argument("--only", type=int, help="this folder alone")
    options = parser.parse_args()
    options.lives = options.lives or min(40, -(-options.cycles // options.jobs))
    numbers = range(-(-options.cycles // options.lives)) if options.only is None else [options.only]
    begun, totals, failed = time.monotonic(), {}, 0
    print(f"seed {options.seed}, {options.jobs} folders at a time", flush=True)
    with concurrent.futures.ProcessPoolExecutor(options.jobs, initializer=world.die_with_parent) as pool:
        lives = [pool.submit(live, options, number) for number in numbers]
        for done, life in enumerate(concurrent.futures.as_completed(lives), 1):
            found, fault = life.result()
            for name, count in found.items():
                totals[name] = totals.get(name, 0) + count
            if fault:
                failed += 1
                print(f"FAIL {fault}", flush=True)
                if failed == 1:
                    pool.shutdown(wait=False, cancel_futures=True)
            if done % 10 == 0:
                print(f"{totals['cycles']} cycles, {totals['cycles'] / (time.monotonic() - begun):.1f}/s", flush=True)
            if failed and all(life.done() for life in lives):
                break
    rate = totals["cycles"] / (time.monotonic() - begun)
    print(f"{rate:.1f} cycles/s; " + ", ".join(f"{count} {name}" for name, count in totals.items()))
    print(f"{totals['cycles'] - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
