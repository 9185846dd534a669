#!/usr/bin/env python3
"""A run that uses every kind of step, killed at each record of the journal: at the end nothing shows that it was.

First without a crash, for the run's end, its calls, and how many commits there are. Then, for each commit, once killed
after it is durable and before anybody knew, and once in the middle of writing it; started again, and led to its end.
TOCSIN_CRASH_STEP=N tries each Nth place only. The last line is `N passed, N failed`.
"""
import os
import sys

import crash_world as world
from crash_world import Gone

class Story:
    """One alert and what a person and other tools do about it; each part is repeated until it was acknowledged."""

    def __init__(self, server, name):
        self.server, self.name, self.event = server, name, None
        self.is_go_sent = False

    def tell(self, restart):
        """Leads the run to its end; `restart` brings the server back when it dies."""
        while True:
            try:
                if not self.server.is_set_up:
                    self.server.set_up()
                if self.event is None:
                    self.event = self.server.post("crash", {"kind": "start", "name": self.name})
                return world.wait_until(self.look, 30, f"the end of {self.name}")
            except Gone:
                restart()

    def runs(self):
        """Those of every-kind for our alert: one, or two when an acknowledgement was lost and the alert sent again."""
        return [r for r in self.server.items("/api/v1/runs") if r["playbook"] == "every-kind"]

    def look(self):
        self.server.answer_open_tasks()
        runs = [self.server.run(r["id"]) for r in self.runs()]
        waits = any(s["id"] == "told" and s["status"] == "waiting" for r in runs for s in world.steps_of(r))
        if waits:
            self.server.post("crash", {"kind": "go", "at": os.urandom(4).hex()})
        if not runs or any(r["status"] not in world.ENDED for r in runs):
            return None
        if any(r["status"] not in world.ENDED for r in self.server.items("/api/v1/runs")):
            return None  # the child that nobody waited for, and undos
        if any(c["status"] in ("active", "ending") for c in self.server.items("/api/v1/containments")):
            return None
        return runs


def play(name, environment=None):
    """One server, one story; returns (the run, what died)."""
    stub = world.Stub()
    deaths = []
    with world.new_folder() as folder:
        server = world.Server(folder, stub)

        def restart():
            if server.process is not None:
                deaths.append(server.reap())
            server.start()

        try:
            try:
                server.start(environment)
            except Gone:
                deaths.append(server.process.returncode)
                server.start()
            story = Story(server, name)
            runs = story.tell(restart)
            if len(runs) != 1:
                raise AssertionError(f"{len(runs)} runs for one alert")
            world.check_calls(stub.calls(), name)
            check_ledger(server)
            status = server.stop()
            if status == -9 and environment and not deaths:  # the place was in the very end
                server.start()
                check_ledger(server)
                status = server.stop()
            if status != 0:
                raise AssertionError(f"SIGTERM ended the server with {status}")
            return runs[0], deaths
        finally:
            if server.process.poll() is None:
                server.kill()
            stub.close()
            server.log.close()


def check_ledger(server):
    for event in server.items("/api/v1/events"):
        if event["fate"] not in ("run", "no_trigger", "merged"):
            raise AssertionError(f"event {event['id']} ended as {event['fate']}")
    status, body = server.call("GET", "/api/v1/audit/verify")
    if status != 200 or not body["good"]:
        raise AssertionError(f"the audit chain is broken: {body}")


def essence(run):
    return run["status"], run["output"], sorted((s["id"], s["status"]) for s in world.steps_of(run))


def main():
    step = int(os.environ.get("TOCSIN_CRASH_STEP", "1"))
    passed = failed = 0
    counts = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"tocsin-crash-count-{os.getpid()}")
    base = {"LD_PRELOAD": str(world.preload("kill"))}
    reference, _ = play("calm", dict(base, TOCSIN_COUNT_FILE=counts))
    syncs, writes = map(int, open(counts).read().split())
    os.unlink(counts)
    if reference["status"] != "succeeded":
        print(f"without a crash the run ends as {reference['status']}: {reference['error']}")
        print("0 passed, 1 failed")
        return 1
    print(f"without a crash: {reference['status']}, {syncs} syncs and {writes} writes of the log", flush=True)
    places = [("TOCSIN_KILL_SYNC", n) for n in range(1, syncs + 1, step)]
    places += [("TOCSIN_KILL_WRITE", n) for n in range(1, writes + 1, max(step, writes // max(syncs, 1)))]
    for variable, number in places:
        try:
            run, deaths = play("calm", dict(base, **{variable: str(number)}))
            if essence(run) != essence(reference):
                raise AssertionError(f"another end: {essence(run)}, expected {essence(reference)}")
            passed += 1
        except AssertionError as error:
            failed += 1
            print(f"FAIL {variable}={number}: {error}", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
