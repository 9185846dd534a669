"""The mixed load of test_crash_random.py: each way in which something gets into the server, people who answer, and
what was promised. A sender repeats what it got no answer to, as senders do.

What is expected of a name: `exact` has one run to its end whatever happened; `maybe`, sent without an answer and not
again, has one or none.
"""
import hashlib
import hmac
import json
import random
import threading
import time

import crash_world as world
from crash_world import Gone

KEY = "a key of senders without a token"
UNFINISHED_MAX = 16
CALLS_SECONDS = 0.01


class Life(world.Server):
    """The same server through another connection."""

    def __init__(self, server):
        self.stub, self.token, self.caller = server.stub, server.token, world.Caller(server.port)


class Way:
    """One sending. `attempt` is called until it returns."""

    playbook, count = "every-kind", 1

    def __init__(self, load):
        self.load, self.names = load, [load.next_name(self.playbook) for _ in range(self.count)]

    def attempt(self, life):
        raise NotImplementedError

    def accept(self, answer, wanted=202):
        status, body = answer
        if status != wanted:
            raise AssertionError(f"{type(self).__name__}: {status} {body}")
        for event in body.get("events", []):
            self.load.events.append(event["id"])
        for name in self.names:
            self.load.promise(name)


class Json(Way):
    def attempt(self, life):
        self.accept(life.call("POST", "/api/v1/events/crash", {"kind": "start", "name": self.names[0]}))


class Array(Way):
    count = 2

    def attempt(self, life):
        events = [{"kind": "start", "name": name} for name in self.names] + [{"kind": "noise", "name": self.names[0]}]
        self.accept(life.call("POST", "/api/v1/events/crash", events))


class Lines(Way):
    count = 2

    def attempt(self, life):
        lines = "".join(json.dumps({"kind": "start", "name": name}) + "\n" for name in self.names)
        self.accept(life.call("POST", "/api/v1/events/crash", lines.encode(), kind="application/x-ndjson"))


class Signed(Way):
    def attempt(self, life):
        body = json.dumps({"kind": "start", "name": self.names[0]}).encode()
        signature = "sha256=" + hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
        self.accept(life.caller.call("POST", "/api/v1/events/crash-signed", body, headers={"X-Signature": signature}))


class Text(Way):
    playbook = "crash-cef"

    def attempt(self, life):
        line = f"CEF:0|Tests|Crash|1|crash|{self.names[0]}|3|duser={self.names[0]}".encode()
        self.accept(life.call("POST", "/api/v1/events/cef", line, kind="text/plain"))


class Hook(Way):
    """Nothing folds two calls of a hook into one: each attempt has a name of its own."""

    playbook = "crash-short"

    def attempt(self, life):
        self.accept(life.caller.call("POST", "/hooks/crash", {"name": self.names[0]}, headers={"X-Tocsin-Token": KEY}))

    def again(self):
        self.names = [self.load.next_name(self.playbook)]


class Keyed(Way):
    """With an Idempotency-Key it is done once. 409: a death cut it off, and it may have been done."""

    playbook = "crash-short"

    def attempt(self, life):
        answer = self.send(life, {"Idempotency-Key": self.names[0]})
        if answer[0] != 409:
            self.accept(answer, self.wanted)


class KeyedHook(Keyed):
    wanted = 202

    def send(self, life, headers):
        return life.call("POST", "/hooks/crash", {"name": self.names[0]}, headers=headers)


class ByHand(Keyed):
    wanted = 201

    def send(self, life, headers):
        return life.call("POST", "/api/v1/runs", {"playbook": "crash-short", "inputs": {"name": self.names[0]}}, headers=headers)


WAYS = (Json, Json, Array, Lines, Signed, Signed, Text, Hook, KeyedHook, ByHand)


class Load:
    """Threads that go on through the deaths of the server. Each has a connection of its own."""

    def __init__(self, server, seed, names_max):
        self.server, self.seed, self.names_max = server, seed, names_max
        self.exact, self.maybe, self.events = {}, {}, []
        self.lock, self.up, self.is_over = threading.Lock(), threading.Event(), False
        self.is_sending, self.fault, self.room = True, None, UNFINISHED_MAX
        self.unfinished = self.in_flight = self.pending = self.sent = 0
        self.used, self.uncertain = {}, set()
        jobs = [(self.send, 0), (self.send, 1), (self.person, 2)]
        self.threads = [threading.Thread(target=self.guard, args=job) for job in jobs]
        for thread in self.threads:
            thread.start()

    def guard(self, job, number):
        try:
            job(random.Random(f"{self.seed}/{number}"))
        except Exception as error:  # a broken promise, told by the main thread
            self.fault = self.fault or error

    def close(self):
        self.is_over = True
        self.up.set()
        for thread in self.threads:
            thread.join()

    def next_name(self, playbook):
        with self.lock:
            self.sent += 1
            name = f"n{self.sent}"
            self.maybe[name] = playbook
            self.room -= 1
            return name

    def promise(self, name):
        with self.lock:
            if name in self.maybe:
                self.exact[name] = self.maybe.pop(name)

    def each_life(self, work):
        """Calls `work` with a connection to the server while it lives."""
        while not self.is_over:
            if not self.up.wait(0.1):
                continue
            life = Life(self.server)
            try:
                work(life)
            except Gone:
                time.sleep(0.001)
            finally:
                life.caller.close()

    def send(self, chance):
        way = None

        def work(life):
            nonlocal way
            while self.up.is_set() and not self.is_over:
                if way is None and (not self.is_sending or self.room <= 0 or self.sent >= self.names_max):
                    time.sleep(0.002)
                    continue
                if way is None:
                    way = chance.choice(WAYS)(self)
                    self.change("pending", 1)
                self.change("in_flight", 1)
                try:
                    way.attempt(life)
                except Gone:
                    if isinstance(way, Hook):
                        way.again()
                    raise
                finally:
                    self.change("in_flight", -1)
                self.used[type(way).__name__] = self.used.get(type(way).__name__, 0) + 1
                way = None
                self.change("pending", -1)

        self.each_life(work)

    def change(self, name, by):
        with self.lock:
            setattr(self, name, getattr(self, name) + by)

    def person(self, chance):
        def work(life):
            while self.up.is_set() and not self.is_over:
                self.uncertain.update(life.answer_open_tasks())
                runs = life.items(f"/api/v1/runs?status={world.OPEN}")
                self.unfinished = len(runs)
                self.room = UNFINISHED_MAX - sum(r["playbook"] in ("every-kind", "crash-short", "crash-cef") for r in runs)
                if any(r["playbook"] == "every-kind" for r in runs):
                    self.events.append(life.post("crash", {"kind": "go", "at": str(chance.random())})["id"])
                if chance.random() < 0.1:
                    self.end_early(life)
                time.sleep(CALLS_SECONDS)

        self.each_life(work)

    @staticmethod
    def end_early(life):
        for lease in life.items("/api/v1/containments?status=active")[:1]:
            status, body = life.call("POST", f"/api/v1/containments/{lease['id']}/undo", {})
            if status not in (200, 202, 204, 404, 409):  # 409: it has just ended
                raise AssertionError(f"containment {lease['id']}: {status} {body}")
