"""What crash tests share: a server that can die at any instant, the stub that outlives it, and what must hold after.

The server comes from TOCSIN_BIN, the stub and the preload libraries from TOCSIN_BUILD (default: TOCSIN_BIN's folder).
"""
import array
import ctypes
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ.get("TOCSIN_BIN", HERE.parent.parent / "build/tocsin")).resolve()
BUILD = pathlib.Path(os.environ.get("TOCSIN_BUILD", BIN.parent))
HAS_SANITIZER = b"__asan_init" in BIN.read_bytes()
ENDED = {"succeeded", "failed", "cancelled"}
OPEN = "queued,running,waiting,uncertain"
# Whatever becomes of the test, what it started ends with it.
WITH_US = ["setpriv", "--pdeathsig", "KILL", "--"]


class Gone(Exception):
    """The server died while it was asked: whether it did what was asked is open."""


def preload(name):
    return BUILD / "tests/crash" / f"libpreload_{name}.so"


class Child:
    """What Popen gives, as far as it is needed, of a process that Spawner has started."""

    def __init__(self, pid, stdout):
        self.pid, self.stdout, self.returncode = pid, stdout, None

    def poll(self, how=os.WNOHANG):
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, how)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout=None):
        if timeout is None:
            return self.poll(0)
        end = time.monotonic() + timeout
        while self.poll() is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired("the server", timeout)
            time.sleep(0.002)
        return self.returncode

    def send_signal(self, number):
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self):
        self.send_signal(signal.SIGKILL)


class Spawner:
    """Starts the program as it is, but has the dynamic linker do its work only once; its clock may be ahead."""

    def __init__(self, environment=None):
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        own = {"LD_PRELOAD": str(preload("spawn")), "TOCSIN_SPAWN_FD": str(theirs.fileno())}
        self.process = subprocess.Popen([str(BIN)], env=variables(own | (environment or {})), pass_fds=[theirs.fileno()])
        theirs.close()

    def start(self, arguments, log, ahead_s):
        ours, theirs = os.pipe()
        fds = array.array("i", [theirs, log.fileno()])
        text = b"\0".join([str(ahead_s).encode(), *map(str.encode, arguments)]) + b"\0"
        self.socket.sendmsg([text], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
        os.close(theirs)
        return Child(int.from_bytes(self.socket.recv(4), "little"), os.fdopen(ours, "rb"))

    def close(self):
        self.socket.close()
        self.process.wait()


def variables(more):
    """The environment of a program under test; a sanitizer that is no longer the first to be linked is told so."""
    sanitizer = os.environ.get("ASAN_OPTIONS", "") + ":verify_asan_link_order=0:exitcode=99"
    return dict(os.environ, TOCSIN_EGRESS_ALLOW="127.0.0.1/32", ASAN_OPTIONS=sanitizer) | (more or {})


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Caller:
    """One kept-alive connection."""

    def __init__(self, port):
        self.port, self.connection = port, None

    def call(self, method, path, body=None, token=None, kind="application/json", headers=None):
        if self.connection is None:
            self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = dict(headers or {})
        if token:
            headers["Authorization"] = "Bearer " + token
        if body is not None:
            headers["Content-Type"] = kind
            body = body if isinstance(body, bytes) else json.dumps(body).encode()
        try:
            self.connection.request(method, path, body, headers)
            answer = self.connection.getresponse()
            data = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Gone(str(error)) from error
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status, json.loads(data) if is_json else data

    def close(self):
        if self.connection is not None:
            self.connection.close()
            self.connection = None


class Stub:
    def __init__(self):
        self.process = subprocess.Popen([*WITH_US, str(BUILD / "bench/stub")], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline().split()[1])
        self.caller = Caller(self.port)

    def calls(self):
        """{(method, path): (calls, effects)}, over all keys."""
        found = {}
        for line in self.caller.call("GET", "/calls")[1].decode().splitlines():
            count, effects, method, path = line.split(" ")[:4]
            have = found.get((method, path), (0, 0))
            found[method, path] = (have[0] + int(count), have[1] + int(effects))
        return found

    def effects(self, path):
        return self.caller.call("GET", "/seen" + path)[1]["count"]

    def forget(self):
        self.caller.call("GET", "/forget")

    def close(self):
        self.caller.close()
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Server:
    """One data folder, and the process that has it open, if any."""

    def __init__(self, folder, stub, content=("content",), spawner=None):
        self.folder, self.stub, self.process, self.token, self.port = pathlib.Path(folder), stub, None, None, 0
        self.content, self.spawner, self.ahead_s = content, spawner, 0
        self.log = open(self.folder / "server.log", "ab")
        self.caller = Caller(0)
        self.is_set_up = False

    def spawn(self, environment=None):
        command = [str(BIN), "serve", "--data", str(self.folder / "data"), "--listen", "127.0.0.1:0",
                   "--bootstrap-token-file", str(self.folder / "token"), "--log-level", "warn"]
        for name in self.content:
            command += ["--content", str(HERE / name)]
        if self.spawner and not environment:
            self.process = self.spawner.start(command, self.log, self.ahead_s)
            return
        self.process = subprocess.Popen([*WITH_US, *command], stdout=subprocess.PIPE, stderr=self.log, env=variables(environment))

    def start_and_kill(self, seconds):
        self.spawn()
        time.sleep(seconds)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def start(self, environment=None):
        self.spawn(environment)
        line = self.process.stdout.readline().decode()
        found = re.search(r":(\d+)\s*$", line.strip())
        if not found:
            self.process.stdout.close()
            status = self.process.wait()
            raise Gone(f"it did not start, status {status}: {line} {self.log_tail()}")
        self.port = int(found.group(1))
        self.caller = Caller(self.port)
        self.token = (self.folder / "token").read_text().strip()
        return self

    def log_tail(self):
        return (self.folder / "server.log").read_text(errors="replace")[-1500:]

    def set_up(self):
        """Once a data folder; asked again it does the same."""
        status, body = self.call("PUT", "/api/v1/connections/tool", {
            "connector": "tool", "settings": {"base_url": f"http://127.0.0.1:{self.stub.port}"}})
        if status not in (200, 201):
            raise AssertionError(f"the connection was not made: {status} {body}")
        self.is_set_up = True

    def call(self, method, path, body=None, **more):
        return self.caller.call(method, path, body, token=self.token, **more)

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        return self.reap()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.reap()

    def reap(self):
        self.caller.close()
        try:
            status = self.process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server does not end within a minute of SIGTERM") from None
        finally:
            self.process.stdout.close()
        return status

    def items(self, path):
        """All pages of a list."""
        found, after = [], ""
        while True:
            status, page = self.call("GET", f"{path}{'&' if '?' in path else '?'}limit=1000{after}")
            if status != 200:
                raise AssertionError(f"GET {path}: {status} {page}")
            found += page["items"]
            if not page.get("next"):
                return found
            after = "&after=" + page["next"]

    def post(self, source, event):
        status, body = self.call("POST", f"/api/v1/events/{source}", event)
        if status != 202:
            raise AssertionError(f"the event was not taken: {status} {body}")
        return body["events"][0]

    def answer_open_tasks(self, done_before=None):
        """As a person who looks before they answer: an action whose effect is uncertain was done if the stub has it, or
        its name is among `done_before`. Returns the ids of such tasks."""
        uncertain = []
        for task in self.items("/api/v1/tasks?status=open"):
            if task["title"].startswith("Nobody"):
                continue
            answer = {"choice": "go"} if task["options"] else {"form": {"verdict": "good"}}
            if task["kind"] != "ask":
                name = name_of(self.run(task["run_id"]))
                is_done = name in (done_before or ()) or self.stub.effects(f"/unsafe/{name}")
                answer = {"choice": "done" if is_done else "not_done"}
                uncertain.append(task["id"])
            status, body = self.call("POST", f"/api/v1/tasks/{task['id']}/answer", answer)
            if status not in (200, 202, 204, 409):  # 409: answered, or it has expired meanwhile
                raise AssertionError(f"task {task['id']} was not answered: {status} {body}")
        return uncertain

    def run(self, run_id):
        status, body = self.call("GET", "/api/v1/runs/" + run_id)
        if status != 200:
            raise AssertionError(f"run {run_id}: {status} {body}")
        return body


def steps_of(run):
    found, rest = [], list(run["steps"])
    while rest:
        step = rest.pop()
        found.append(step)
        rest += step.get("steps") or []
    return found


def name_of(run):
    """The name of the event that started the run: its first call has it."""
    return next(s["input"]["name"] for s in run["steps"] if s["id"] == "look")


ACTS = ["act/{}", "act/{}-each-1", "act/{}-each-2", "act/{}-each-3", "act/{}-wide-1", "act/{}-wide-2", "act/{}-wide-3",
        "act/{}-wide-4", "act/{}-side", "act/{}-any", "act/{}-child", "act/{}-stray", "act/{}-finally", "block/{}", "unblock/{}",
        "probed/{}", "unsafe/{}"]


def check_calls(calls, name, paths=ACTS):
    for path in paths:
        effects = calls.get(("POST", "/" + path.format(name)), (0, 0))[1]
        if effects != 1:
            raise AssertionError(f"{path.format(name)} took effect {effects} times")


def wait_until(holds, seconds, what):
    end, pause = time.monotonic() + seconds, 0.002
    while True:
        result = holds()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(pause)
        pause = min(pause * 1.5, 0.05)


def new_folder():
    return tempfile.TemporaryDirectory(prefix="tocsin-crash-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)
