#!/usr/bin/env python3
"""`make run ONCE=1` as its user sees it: three alerts, their runs, the address and the set-up link; it ends with 0.

The last line is `N passed, N failed`.
"""
import os
import pathlib
import socket
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def main():
    with tempfile.TemporaryDirectory(prefix="tocsin-demo-") as folder:
        listen = f"127.0.0.1:{free_port()}"
        environment = dict(os.environ, ONCE="1", DATA=folder, LISTEN=listen,
                           PROGRAM=os.path.abspath(os.environ.get("TOCSIN_BIN", "build/tocsin")))
        done = subprocess.run([str(ROOT / "tools/run-demo")], env=environment, stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    wanted = ["wazuh-sshd.json: event", "suricata-alert.json: event", "falco-shell.json: event",
              "ssh-brute-force  == waiting", "suricata-triage  == succeeded", "falco-shell      == succeeded",
              "A person is asked: Block 203.0.113.9", f"listens on http://{listen}", f"http://{listen}/setup/"]
    missing = [text for text in wanted if text not in done.stdout]
    if done.returncode != 0 or missing:
        print(done.stdout)
        print(f"exit status {done.returncode}, missing: {missing}")
    failed = len(missing) + (done.returncode != 0)
    print(f"{len(wanted) + 1 - failed} passed, {failed} failed")
    return 1 if failed else 0


sys.exit(main())
