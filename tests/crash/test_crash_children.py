#!/usr/bin/env python3
"""The server is killed while a child process of its works without end: the child ends with it.

The last line is `N passed, N failed`.
"""
import os
import pathlib
import sys

import crash_world as world


def children_of(pid):
    found = []
    for entry in os.listdir("/proc"):
        try:
            if entry.isdigit() and pathlib.Path("/proc", entry, "stat").read_text().rsplit(")", 1)[1].split()[1] == str(pid):
                found.append(int(entry))
        except OSError:
            pass  # it has just ended
    return found


def is_alive(pid):
    try:
        return pathlib.Path("/proc", str(pid), "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False


def is_narrow(pid):
    """It has given up its rights, so it is at work."""
    try:
        return "Seccomp:\t2" in pathlib.Path("/proc", str(pid), "status").read_text()
    except OSError:
        return False


def play(is_ready):
    stub = world.Stub()
    with world.new_folder() as folder:
        server = world.Server(folder, stub)
        try:
            server.start()
            server.post("crash", {"kind": "spin", "name": "spin"})
            children = world.wait_until(lambda: [c for c in children_of(server.process.pid) if is_ready(c)], 20,
                                        "the filter runs in a child")
            server.kill()
            world.wait_until(lambda: not any(is_alive(c) for c in children), 20, "the child has ended")
        finally:
            if server.process.poll() is None:
                server.kill()
            stub.close()
            server.log.close()


def main():
    cases = (("while it starts", lambda child: True), ("while it works", is_narrow))
    failed = 0
    for name, is_ready in cases:
        try:
            play(is_ready)
        except AssertionError as error:
            failed += 1
            print(f"FAIL {name}: {error}")
    print(f"{len(cases) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
