#!/usr/bin/env python3
"""The process that runs jq filters, as the released program has it: its limit on memory can't be tried under the
address sanitizer, which reserves terabytes.

The last line is `N passed, N failed`.
"""
import os
import resource
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BIN, expect, main, until  # noqa: E402

# The plain program: BIN, or the one beside its folder, as `make test` builds both.
CANDIDATES = [BIN, "build/tocsin"]


def is_sanitized(program):
    return b"__asan_init" in open(program, "rb").read()


PROGRAM = next((p for p in CANDIDATES if os.path.exists(p) and not is_sanitized(p)), None)


def run(filter_text, value="null", timeout=60):
    given = f"{len(filter_text)}\n{filter_text}[{value},{{}}]".encode()
    return subprocess.run([PROGRAM, "proc-jq"], input=given, capture_output=True, timeout=timeout, env={})


def a_filter_runs(_folder):
    done = run(".a + 1", '{"a":1}')
    expect((done.returncode, done.stdout), (0, b"2\n"), str(done))


def memory_is_limited(_folder):
    for filter_text in ('[limit(1e9; repeat("0123456789" * 1000))]', '"x" * 1000000000',
                        'reduce range(40) as $i ("0123456789"; . + .)'):
        done = run(filter_text)
        expect(done.returncode in (-6, 12, 13), True, f"{filter_text}: {done.returncode} {done.stderr!r}")
    peak_kib = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    expect(peak_kib < 600 * 1024, True, f"peak of {peak_kib} KiB")


def deep_recursion_ends_the_process_alone(_folder):
    done = run("def f(x): 1 + f(x + 1); f(0)")
    expect(done.returncode != 0, True, str(done))


def bad_input_is_refused(_folder):
    for given in (b"", b"5", b"x\n.", b"99\n.[1,{}]", b"1\n.", b"1\n.{", b"1\n.{}", b"1\n.[1"):
        done = subprocess.run([PROGRAM, "proc-jq"], input=given, capture_output=True, timeout=60, env={})
        expect(done.returncode, 10, f"{given!r}: {done.stderr!r}")


PARENT = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.argv[1], "proc-jq"], stdin=subprocess.PIPE, env={})
filter_text = "last(repeat(1))"
child.stdin.write(f"{len(filter_text)}\\n{filter_text}[1,{{}}]".encode())
child.stdin.close()
print(child.pid, flush=True)
time.sleep(60)
"""


def it_ends_with_whoever_started_it(_folder):
    parent = subprocess.Popen([sys.executable, "-c", PARENT, PROGRAM], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    status = f"/proc/{child}/status"
    # Its sandbox stands, and with it the wish to end with its parent.
    until(lambda: "Seccomp:\t2" in open(status).read(), "the sandbox")
    parent.kill()
    parent.wait()
    until(lambda: not os.path.exists(status) or "State:\tZ" in open(status).read(), "the child's end")


if __name__ == "__main__":
    main([a_filter_runs, memory_is_limited, deep_recursion_ends_the_process_alone, bad_input_is_refused,
          it_ends_with_whoever_started_it],
         lacking="" if PROGRAM else "there is no program without the address sanitizer (make build)")
