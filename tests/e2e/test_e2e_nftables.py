#!/usr/bin/env python3
"""A real alert blocks a real address: the server runs in a network namespace of this test's own, its playbooks act
on the kernel's packet filter there, and `nft` says what it holds.

The last line is `N passed, N failed`.
"""
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Server, expect, main, until  # noqa: E402


def enter_namespace():
    """Starts this script again inside a namespace; says why when there can be none."""
    if os.environ.get("TOCSIN_TEST_NAMESPACE"):
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        return ""
    for tool in ("unshare", "ip", "nft"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    how = ["unshare", "-n"] if os.getuid() == 0 else ["unshare", "-Urn"]
    probe = subprocess.run([*how, "nft", "add table inet probe"], capture_output=True, text=True)
    if probe.returncode:
        return "no network namespace with nftables: " + probe.stderr.strip()
    os.environ["TOCSIN_TEST_NAMESPACE"] = "1"
    os.execvp(how[0], [*how, sys.executable, os.path.abspath(__file__), *sys.argv[1:]])


def rules():
    return subprocess.run(["nft", "list", "ruleset"], check=True, capture_output=True, text=True).stdout


def blocked(address):
    return address in rules()


BLOCK = """
playbook: block
triggers: [ { alert: 'alert.source == "door"' } ]
steps:
  - id: contain
    do: nftables.block_ip
    with: { ip: "${{ alert.src_endpoint.ip }}", timeout: 1h }
  - return: "${{ steps.contain.output }}"
"""

LEASE = """
playbook: lease
triggers: [ { alert: 'alert.source == "door"' } ]
steps:
  - id: contain
    do: nftables.block_ip
    with: { ip: "${{ alert.src_endpoint.ip }}" }
    for: LEASE
"""

ALERT = {"title": "sshd brute force", "severity": "high", "src_ip": "198.51.100.7"}


def start(folder, playbook):
    subprocess.run(["nft", "flush", "ruleset"], check=True)
    server = Server(folder)
    server.publish(playbook)
    return server


def run(server, **fields):
    return server.post("/api/v1/events/door", {**ALERT, **fields}, 202)["events"][0]["runs"][0]


def an_alert_blocks_its_address(folder):
    server = start(folder, BLOCK)
    shown = server.run_until(run(server), "succeeded", "failed")
    expect((shown["status"], shown["output"]), ("succeeded", {"ip": "198.51.100.7", "set": "blocked4"}), str(shown))
    expect("198.51.100.7 timeout 1h" in rules(), True, rules())
    shown = server.run_until(run(server, src_ip="2001:db8::7", title="another"), "succeeded", "failed")
    expect((shown["status"], blocked("2001:db8::7")), ("succeeded", True), f"{shown!r} {rules()}")
    server.stop()


def what_must_not_be_blocked_fails_the_step(folder):
    server = start(folder, BLOCK)
    for address in ("127.0.0.1", "224.0.0.1", "::1", "169.254.169.254"):
        shown = server.run_until(run(server, src_ip=address, title=address), "succeeded", "failed")
        expect((shown["status"], shown["error"]["code"]), ("failed", "refused_target"), str(shown))
    status, body, _ = server.call("PUT", "/api/v1/connections/fw", {
        "connector": "nftables", "settings": {"never": ["198.51.100.0/24"]}, "is_default": True})
    expect(status, 200, f"{body!r}")
    shown = server.run_until(run(server, src_ip="198.51.100.9", title="the office"), "succeeded", "failed")
    expect((shown["status"], shown["error"]["code"]), ("failed", "refused_target"), str(shown))
    expect(rules(), "", "the filter: not even the table was made")
    server.stop()


def a_lease_ends_by_itself_even_after_a_crash(folder):
    server = start(folder, LEASE.replace("LEASE", "3s"))
    server.run_until(run(server, src_ip="198.51.100.20"), "succeeded")
    expect(blocked("198.51.100.20"), True, rules())
    server.kill()
    expect(blocked("198.51.100.20"), True, "the kernel keeps it")
    time.sleep(0.1)
    server = Server(folder)
    until(lambda: not blocked("198.51.100.20"), f"the block's end: {rules()} {server.log()}")
    until(lambda: server.get("/api/v1/containments")["items"][0]["status"] == "ended", "the lease's end")
    server.stop()


def a_person_ends_a_lease(folder):
    server = start(folder, LEASE.replace("LEASE", "1h"))
    server.run_until(run(server, src_ip="198.51.100.30"), "succeeded")
    expect(blocked("198.51.100.30"), True, rules())
    lease = server.get("/api/v1/containments")["items"][0]
    status, body, _ = server.call("POST", f"/api/v1/containments/{lease['id']}/undo", {})
    expect(status in (200, 202), True, f"{status} {body!r}")
    until(lambda: not blocked("198.51.100.30"), f"the block's end: {rules()}")
    server.stop()


if __name__ == "__main__":
    main([an_alert_blocks_its_address, what_must_not_be_blocked_fails_the_step,
          a_lease_ends_by_itself_even_after_a_crash, a_person_ends_a_lease], lacking=enter_namespace())
