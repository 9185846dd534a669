"""The loads that test_crash_power.py records: the server's first start, a start on what a kill has left, a migration, a
checkpoint under load, publishing, retention, a backup. Each leaves a record, what was there before it, and what was
promised from which place on."""
import os
import pathlib
import sqlite3
import subprocess

import crash_world as world
import power_cut

CONTENT = ("content", "content-mixed")
KEY = "a key of senders without a token"


class Session:
    def __init__(self, name, folder, stub):
        self.name, self.folder, self.stub = name, pathlib.Path(folder), stub
        self.log = self.folder.parent / f"{self.folder.name}.record"
        self.server = world.Server(self.folder, stub, CONTENT)
        self.before, self.records, self.promises = {}, [], []
        self.keeps = True  # what was acknowledged is not forgotten on purpose
        self.backup = None
        self.ahead_s = 0  # of its clock

    def environment(self, **more):
        return {"LD_PRELOAD": str(world.preload("record")), "TOCSIN_RECORD_FILE": str(self.log),
                "TOCSIN_RECORD_FOLDER": str(self.folder)} | more

    def note_before(self):
        """What the folder has and what tools remember, before the record begins."""
        for _, path in self.stub.calls():
            if path.startswith("/unsafe/"):
                self.promises.append((0, "unsafe", path[len("/unsafe/"):]))
            elif path.startswith("/once/"):
                self.promises.append((0, "once", path))
        self.before = {str(p): p.read_bytes() for p in self.folder.rglob("*")
                       if p.is_file() and not p.name.endswith("-shm") and p.name != "server.log"}

    def promise(self, kind, what):
        """What holds once the record is as long as it is now."""
        self.promises += [(self.log.stat().st_size if self.log.exists() else 0, kind, what)] if self.keeps else []

    def finish(self):
        status = self.server.stop()
        if status != 0:
            raise AssertionError(f"{self.name}: the recorded server ended with {status}")
        self.close()

    def close(self):
        self.server.log.close()
        self.records = power_cut.read_records(self.log)
        ends = [record.end for record in self.records]
        self.promises = [(next(i for i, end in enumerate(ends) if end >= at), kind, what) for at, kind, what in self.promises]
        for number, record in enumerate(self.records):
            for kind, whats in zip(("ingest_events", "engine_runs"), power_cut.acknowledged(record)):
                self.promises += [(number, kind, what) for what in whats] if self.keeps else []
            called = power_cut.call_of(record)
            self.promises += [(number, *called)] if called else []
        self.log.unlink()

    def ask(self, method, path, body=None, wanted=(200, 201, 202), **more):
        status, answer = self.server.call(method, path, body, **more)
        if status not in wanted:
            raise AssertionError(f"{self.name}: {method} {path}: {status} {answer}")
        return answer

    def set_up(self):
        self.server.set_up()
        self.ask("PUT", "/api/v1/secrets/crash-key", {"value": KEY})

    def some_events(self, count):
        """Of each way in one or some."""
        for number in range(count):
            event = self.server.post("crash", {"kind": "start", "name": f"{self.name}-{number}"})
            self.promise("ingest_events", event["id"])
            self.promise("engine_runs", event["runs"][0])
        self.ask("POST", "/hooks/crash", {"name": f"{self.name}-hook"})
        run = self.ask("POST", "/api/v1/runs", {"playbook": "crash-short", "inputs": {"name": f"{self.name}-hand"}},
                       headers={"Idempotency-Key": self.name})
        self.promise("engine_runs", run["id"])
        self.ask("POST", "/api/v1/events/crash", b'{"kind":"noise","name":"a"}\n{"kind":"noise","name":"b"}\n',
                 kind="application/x-ndjson")
        self.server.post("crash", {"kind": "large", "name": "x" * 100_000})  # a blob

    def lead_to_end(self):
        world.wait_until(lambda: goes_on(self.server), 60, f"{self.name}: the runs have ended")


def goes_on(server, unsafe_done=None):
    """Does what people do; true when all has ended."""
    server.answer_open_tasks(unsafe_done)
    runs = server.items(f"/api/v1/runs?status={world.OPEN}")
    if any(r["playbook"] == "every-kind" for r in runs):
        server.post("crash", {"kind": "go", "at": os.urandom(4).hex()})
    return not runs and not server.items("/api/v1/containments?status=active,ending,failed")


def record_first_start(session):
    session.server.start(session.environment())
    session.set_up()
    session.some_events(2)
    session.lead_to_end()
    session.finish()


def prepare(session, is_killed, count=2):
    """A folder with a history, made without a record."""
    session.server.start()
    session.set_up()
    session.some_events(count)
    if is_killed:
        session.server.kill()
    else:
        session.lead_to_end()
        session.server.stop()
    session.note_before()


def record_second_start(session):
    prepare(session, is_killed=True)
    session.server.start(session.environment())
    session.lead_to_end()
    session.finish()


def record_migration(session):
    """As a Tocsin before the engine's second migration has left it."""
    prepare(session, is_killed=False, count=1)
    db = sqlite3.connect(session.folder / "data/tocsin.db")
    with db:
        for table in ("engine_schedules", "engine_followed", "engine_case_runs"):
            db.execute(f"DROP TABLE {table}")
        if db.execute("DELETE FROM store_migrations WHERE module = 'engine' AND number >= 2").rowcount != 1:
            raise AssertionError("the engine's migrations are other ones now: take another one away here")
    db.close()
    session.note_before()
    session.server.start(session.environment())
    session.server.post("crash", {"kind": "start", "name": "migrated"})
    session.lead_to_end()
    session.finish()


def record_checkpoint(session):
    prepare(session, is_killed=False, count=1)
    session.server.start(session.environment())
    for number in range(24):
        session.ask("POST", "/api/v1/events/crash", [{"kind": "noise", "name": f"{number}-{i}", "pad": "y" * 900} for i in range(60)])
    session.finish()


def record_publishing(session):
    prepare(session, is_killed=False, count=1)
    session.server.start(session.environment())
    for number in range(6):
        text = f"playbook: made\ntriggers: [ {{ manual: true }} ]\nsteps:\n  - return: {number}\n"
        version = session.ask("PUT", "/api/v1/playbooks/made", {"source": text, "enabled": number % 2 == 0})["version"]
        session.promise("playbook", version)
        session.ask("PUT", f"/api/v1/secrets/made-{number}", {"value": "s" * 20})
        session.promise("secret", f"made-{number}")
        session.ask("PUT", f"/api/v1/connections/made-{number}", {"connector": "http", "settings": {"base_url": "http://127.0.0.1:9"}})
        session.promise("connection", f"made-{number}")
        session.promise("case", session.ask("POST", "/api/v1/cases", {"title": f"made {number}"})["id"])
        session.ask("POST", "/api/v1/tokens", {"name": f"made-{number}", "scopes": "runs:read"})
    session.finish()


def record_retention(session):
    """Two hours later, what is kept for one."""
    session.keeps, session.ahead_s = False, 7200
    prepare(session, is_killed=False)
    libraries = f"{world.preload('record')}:{world.preload('spawn')}"
    session.server.start(session.environment(LD_PRELOAD=libraries, TOCSIN_CLOCK_AHEAD=str(session.ahead_s), TOCSIN_RETENTION_EVENTS="1h",
                                             TOCSIN_RETENTION_RUNS="1h"))
    session.server.post("crash", {"kind": "start", "name": "kept"})
    session.lead_to_end()

    def has_forgotten():
        return [r["output"]["name"] for r in session.server.items("/api/v1/runs") if r["playbook"] == "every-kind"] == ["kept"]

    world.wait_until(has_forgotten, 60, "what is old is forgotten")
    session.finish()


def record_backup(session):
    prepare(session, is_killed=True)
    session.backup = session.folder / "copy"
    done = subprocess.run([*world.WITH_US, str(world.BIN), "backup", str(session.backup), "--data", str(session.folder / "data")],
                          env=world.variables(session.environment()), capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"the backup was not made: {done.stderr}")
    session.promise("backup", "it")
    session.close()


SESSIONS = {"first-start": record_first_start, "second-start": record_second_start, "migration": record_migration,
            "checkpoint": record_checkpoint, "publishing": record_publishing, "retention": record_retention,
            "backup": record_backup}


def record(name, folder, stub):
    session = Session(name, folder, stub)
    SESSIONS[name](session)
    return session
