#!/usr/bin/env python3
"""Each call of the C library fails once: open, read, write, sync, rename, connect, accept,
and each allocation of the program's own.

A run with every kind of step is led to its end while the Nth call of one kind fails, for many N. The server may refuse
what it was asked (and the sender sends again), or end with the status of a broken store (and is started again, without
the fault). It may not die by a signal, hang, lose what it acknowledged, do anything twice or end the run otherwise.
After a failed sync it must have ended: what the disk has is not known then.
tests/crash/test_crash_fail.py [KIND…], several at a time. TOCSIN_FAIL_PLACES=N tries that many places a kind, `all` each
there is. The last line is `N passed, N failed`.
"""
import concurrent.futures
import os
import subprocess
import sys
import tempfile
import time

import crash_world as world
from crash_world import Gone

KINDS = ("open", "read", "write", "sync", "rename", "connect", "accept", "alloc")
STORE_BROKEN = 70
KILLED_BY_US = -9


class Patient(world.Server):
    """Sends again what was refused for a fault of the server's."""

    def call(self, method, path, body=None, **more):
        for _ in range(20):
            status, answer = super().call(method, path, body, **more)
            if status < 500:
                break
            time.sleep(0.01)
        return status, answer


    def set_up(self):
        """A start that had no memory for its content says so in its log; its operator starts it again."""
        if "content has a fault" in self.log_tail() and "[memory]" in (self.folder / "server.log").read_text():
            self.kill()
            (self.folder / "server.log").write_text("")
            raise Gone("no memory for the content")
        super().set_up()

    def ends_within(self, seconds):
        self.caller.close()
        try:
            self.process.wait(timeout=seconds)
        except subprocess.TimeoutExpired:
            return False
        return True


def lead(server):
    """One alert and what a person does about it, to the end of all."""
    if not server.is_set_up:
        server.set_up()
    server.post("crash", {"kind": "start", "name": "calm"})

    def look():
        server.answer_open_tasks()
        runs = [server.run(r["id"]) for r in server.items("/api/v1/runs")]
        if any(s["id"] == "told" and s["status"] == "waiting" for r in runs for s in world.steps_of(r)):
            server.post("crash", {"kind": "go", "at": os.urandom(4).hex()})
        leases = server.items("/api/v1/containments")
        is_over = len(runs) >= 4 and all(r["status"] in world.ENDED for r in runs)
        return runs if is_over and all(c["status"] == "ended" for c in leases) else None

    # What memory was lacking for to tell a run is found once a minute.
    return world.wait_until(look, 100, "the end of all runs")


def play(kind, number, counts):
    """With the Nth call of a kind failing; returns the statuses with which the server ended by itself."""
    stub, deaths = world.Stub(), []
    with world.new_folder() as folder:
        server = Patient(folder, stub)
        environment = {"LD_PRELOAD": str(world.preload("fail" if world.HAS_SANITIZER else "fail_alloc")), "TOCSIN_FAIL_FOLDER": folder,
                       "TOCSIN_FAIL": f"{kind}:{number}", "TOCSIN_COUNT_FILE": counts}
        try:
            runs, cut_off = None, 0
            while runs is None:
                try:
                    if server.process is None or server.process.poll() is not None:
                        server.start(environment if not deaths else None)
                    runs = lead(server)
                except Gone as gone:
                    if server.ends_within(1):
                        deaths.append(server.process.returncode)
                    else:
                        cut_off += 1  # one connection was lost, not the server
                    if len(deaths) > 3 or cut_off > 3:
                        raise AssertionError(f"again and again: {gone} {deaths} {server.log_tail()}") from None
            check(server, stub, runs)
            status = server.stop()
            if status != 0 and deaths:
                raise AssertionError(f"SIGTERM ended it with {status}: {server.log_tail()}")
            if status != 0:
                deaths.append(status)
        finally:
            if server.process.poll() is None:
                server.kill()
            stub.close()
            server.log.close()
        for status in deaths:
            if status not in (1, 2, STORE_BROKEN, KILLED_BY_US):  # 2: its options could not be read
                raise AssertionError(f"it ended with {status}")
    return deaths


def check(server, stub, runs):
    for run in runs:
        if run["status"] != "succeeded":
            raise AssertionError(f"{run['playbook']} ended as {run['status']}: {run['error']}")
    if sum(r["playbook"] == "every-kind" for r in runs) != 1:
        raise AssertionError("not one run for one alert")
    world.check_calls(stub.calls(), "calm")
    status, body = server.call("GET", "/api/v1/audit/verify")
    if status != 200 or not body["good"]:
        raise AssertionError(f"the audit chain is broken: {body}")


def try_place(kind, number, total):
    """What went wrong, or None."""
    with tempfile.TemporaryDirectory() as own:
        try:
            deaths = play(kind, number, os.path.join(own, "counts"))
            # The last ones are of the end, when all is acknowledged and the log still has it.
            if kind == "sync" and not deaths and number < total - 3:
                raise AssertionError("it went on after a failed sync")
        except AssertionError as error:
            return f"{kind} {number} of {total}: {error}"
    return None


def places_of(total, wanted):
    step = max(1, total / (total if wanted == "all" else int(wanted)))
    return sorted({1 + int(i * step) for i in range(int(total / step))} if total else ())


def main():
    kinds = sys.argv[1:] or KINDS
    wanted = os.environ.get("TOCSIN_FAIL_PLACES", "5")
    with tempfile.TemporaryDirectory() as own:
        counts = os.path.join(own, "counts")
        play("none", 0, counts)
        totals = {line.split()[0]: int(line.split()[1]) for line in open(counts)}
    print("without a fault: " + ", ".join(f"{n} {kind}" for kind, n in totals.items()), flush=True)
    places = [(kind, number, totals[kind]) for kind in kinds for number in places_of(totals[kind], wanted)]
    passed = failed = 0
    with concurrent.futures.ProcessPoolExecutor(2 * (os.cpu_count() or 1), initializer=world.die_with_parent) as pool:
        for fault in pool.map(try_place, *zip(*places)):
            passed += not fault
            failed += bool(fault)
            if fault:
                print(f"FAIL {fault}", flush=True)
            if (passed + failed) % 100 == 0:
                print(f"{passed} of {len(places)} passed", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
