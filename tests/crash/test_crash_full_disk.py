#!/usr/bin/env python3
"""The disk is full, or has no inodes left: what does not fit is refused with 507, and when there is room again all goes
on without a restart. What had been accepted is there.

On a small tmpfs in a mount namespace of its own. The last line is `N passed, N failed, N skipped`.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

import crash_world as world

INSIDE = "TOCSIN_TEST_INSIDE"


def fill_bytes(folder):
    """Takes all room; returns what gives it back."""
    path = folder / "filler"
    with open(path, "wb", buffering=0) as filler:
        for size in (65536, 4096):
            try:
                while True:
                    filler.write(bytes(size))
            except OSError:
                pass  # full
    return [path]


def fill_inodes(folder):
    made = []
    while True:
        path = folder / f"filler-{len(made)}"
        try:
            path.touch()
        except OSError:
            return made
        made.append(path)


def large(number):
    """Of 100 KB, so that its bytes are a file of their own."""
    return {"kind": "large", "name": f"n{number}", "pad": "x" * 100_000}


def post(server, event):
    status, body = server.call("POST", "/api/v1/events/crash", event)
    return status, body["events"][0]["id"] if status == 202 else body


def play(folder, fill, make_event):
    stub = world.Stub()
    server = world.Server(folder, stub)
    accepted, refused = [], 0
    try:
        server.start()
        server.set_up()
        for number in range(5):
            accepted.append(server.post("crash", make_event(number))["id"])
        made = fill(pathlib.Path(folder))
        for number in range(5, 60):
            status, body = post(server, make_event(number))
            if status == 202:
                accepted.append(body)
            elif status == 507:
                refused += 1
            else:
                raise AssertionError(f"a full disk is answered with {status}: {body}")
        if refused == 0:
            raise AssertionError("nothing was refused though the disk is full")
        if server.call("GET", "/healthz")[0] != 200:
            raise AssertionError("the server is not well while its disk is full")
        for path in made:
            path.unlink()
        accepted.append(server.post("crash", make_event(100))["id"])
        for event in accepted:
            status, body = server.call("GET", "/api/v1/events/" + event)
            if status != 200:
                raise AssertionError(f"event {event} was accepted and is answered with {status}: {body}")
        status, body = server.call("GET", "/api/v1/audit/verify")
        if status != 200 or not body["good"]:
            raise AssertionError(f"the audit chain is broken: {body}")
        status = server.stop()
        if status != 0:
            raise AssertionError(f"SIGTERM ended it with {status}")
    except world.Gone as error:
        raise AssertionError(f"the server went away: {error} {server.log_tail()}") from None
    finally:
        if server.process.poll() is None:
            server.kill()
        stub.close()
        server.log.close()
    return len(accepted), refused


CASES = (("no room", "size=12m", fill_bytes, lambda n: {"kind": "small", "name": f"n{n}", "pad": "y" * 2000}),
         ("no room for large ones", "size=12m", fill_bytes, large),
         ("no inodes", "size=64m,nr_inodes=40", fill_inodes, large))


def inside():
    failed = 0
    for name, options, fill, make_event in CASES:
        with tempfile.TemporaryDirectory(prefix="tocsin-full-") as folder:
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
            try:
                accepted, refused = play(folder, fill, make_event)
                print(f"ok   {name}: {accepted} accepted, {refused} refused", flush=True)
            except AssertionError as error:
                failed += 1
                print(f"FAIL {name}: {error}", flush=True)
            finally:
                subprocess.run(["umount", "-l", folder], check=True)
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


def main():
    if os.environ.get(INSIDE):
        return inside()
    own = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*own, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], stderr=subprocess.DEVNULL).returncode != 0:
        print("skipped: this machine gives no mount namespace")
        print("0 passed, 0 failed, 1 skipped")
        return 0
    return subprocess.run([*own, sys.executable, __file__], env=dict(os.environ, **{INSIDE: "1"})).returncode


if __name__ == "__main__":
    sys.exit(main())
