#!/usr/bin/env python3
"""Clients that dawdle, flood, overdo and smuggle, beside a good one that posts events all the while. The good one
must get its answers about as fast as when it is alone, and what it was told is accepted must be there at the end.

The attackers are processes of their own, so that what is measured is the server. The last line is `N passed, N
failed`.
"""
import http.client
import json
import os
import re
import resource
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from attackers import Attack, drip, never_read, noise, raise_limit, storm  # noqa: E402
from harness import Server, expect, main  # noqa: E402

POSTS = 250
# What a machine that builds and tests beside us adds to a p99 of a few milliseconds.
NOISE = 0.1
TARGET = "/api/v1/events/door"


# ---- the good client ----

class Good:
    """Posts events over a kept connection; `accepted` are the ids it was told."""

    def __init__(self, server):
        self.server, self.accepted, self.number = server, [], 0
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def post(self):
        self.number += 1
        body = json.dumps({"title": f"event {self.number}", "severity": "low", "number": self.number})
        begun = time.monotonic()
        for attempt in (0, 1):
            try:
                self.connection.request("POST", TARGET, body, {"Authorization": "Bearer " + self.server.token,
                                                               "Content-Type": "application/json"})
                answer = self.connection.getresponse()
                break
            except (ConnectionError, http.client.BadStatusLine):
                # A kept connection may be taken for idle and make room: any client opens another one then.
                self.connection.close()
                if attempt:
                    raise
        text = answer.read()
        expect(answer.status, 202, f"a good client's event: {text!r}")
        self.accepted += [event["id"] for event in json.loads(text)["events"]]
        return time.monotonic() - begun

    def p99(self, posts=POSTS):
        times = sorted(self.post() for _ in range(posts))
        return times[int(len(times) * 0.99)]


def all_are_there(server, good):
    found, after = set(), None
    while True:
        page = server.get("/api/v1/events?limit=1000" + (f"&after={after}" if after else ""))
        found |= {event["id"] for event in page["items"]}
        after = page.get("next")
        if not after:
            break
    expect(len(set(good.accepted) - found), 0, "accepted events that are lost")
    return found


def resident_kib(server):
    for line in open(f"/proc/{server.process.pid}/status"):
        if line.startswith("VmRSS"):
            return int(line.split()[1])
    return 0


# ---- beside attackers ----

def endure(folder, attacker, count=0, opening=b"", posts=POSTS):
    server = Server(folder)
    good = Good(server)
    good.p99(50)  # warm
    quiet = good.p99(posts)
    before = resident_kib(server)
    with Attack(attacker, server.port, count, opening):
        attacked = good.p99(posts)
    limit = 2 * quiet + NOISE
    expect(attacked <= limit, True, f"p99 {attacked * 1000:.1f} ms under attack, {quiet * 1000:.1f} ms before")
    print(f"     p99 {quiet * 1000:.1f} ms alone, {attacked * 1000:.1f} ms under attack; "
          f"memory {before // 1024} MiB, then {resident_kib(server) // 1024} MiB")
    all_are_there(server, good)
    server.stop()


def slow_heads(folder):
    endure(folder, drip, 1000, b"GET / HTTP/1.1\r\nHost: a\r\nX-")


def slow_bodies(folder):
    endure(folder, drip, 500, b"POST /api/v1/events/door HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n")


def silent_connections(folder):
    endure(folder, drip, 1000, b"")


def connections_that_reset(folder):
    endure(folder, storm, 0, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")


def answers_that_nobody_reads(folder):
    endure(folder, never_read, 50, b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n")


def wrong_tokens(folder):
    endure(folder, storm, 0, b"POST /api/v1/events/door HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer toc_" +
           b"A" * 43 + b"\r\nContent-Length: 2\r\n\r\n{}")


def nonsense(folder):
    endure(folder, noise)


def more_slow_ones_than_there_is_room(folder):
    """Past the limit of connections, who dawdles makes room."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    count = 4500  # HTTP_CONNECTIONS_MAX is 4096
    if hard < 2 * count:
        print("     skipped: the machine gives too few descriptors")
        return
    server = Server(folder)
    good = Good(server)
    good.p99(20)
    with Attack(drip, server.port, count, b"GET / HTTP/1.1\r\nHost: a\r\nX-"):
        end = time.monotonic() + 8
        while time.monotonic() < end:
            fresh = Good(server)
            fresh.number = good.number + 1000000
            fresh_post(fresh)
            good.accepted += fresh.accepted
            fresh.connection.close()
    all_are_there(server, good)
    server.stop()


def fresh_post(good):
    """A new connection may have to try again while the room is full of ones that are not slow yet."""
    end = time.monotonic() + 10
    while True:
        try:
            return good.post()
        except OSError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


# ---- single requests ----

def exchange(port, text, timeout=20):
    """All that comes back until the server closes; None when it does not close."""
    with socket.create_connection(("127.0.0.1", port), timeout=timeout) as one:
        got = b""
        try:
            one.sendall(text)
        except OSError:
            pass
        try:
            while True:
                part = one.recv(65536)
                if not part:
                    return got
                got += part
        except ConnectionResetError:
            return got
        except socket.timeout:
            return None


def too_much_is_refused(folder):
    server = Server(folder)
    good = Good(server)
    good.post()
    auth = b"Authorization: Bearer " + server.token.encode() + b"\r\n"
    head = b"POST /api/v1/events/door HTTP/1.1\r\nHost: a\r\n" + auth + b"Content-Type: application/json\r\n"
    big = b'{"x":"' + b"y" * (20 << 20) + b'"}'
    cases = [
        ("a long target", b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        ("a long header", b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 40000 + b"\r\n\r\n", 431),
        ("many headers", b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 200 + b"\r\n", 431),
        ("an endless first line", b"G" * 50000, None),
        ("a large body", head + b"Content-Length: %d\r\n\r\n" % len(big) + big, 413),
        ("a body announced huge", head + b"Content-Length: 99999999999\r\n\r\n{}", 413),
        ("a body announced beyond numbers", head + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}", (400, 413)),
        ("a large chunked body", head + b"Transfer-Encoding: chunked\r\n\r\n" + b"100000\r\n" + b"a" * 1048576 +
         (b"\r\n100000\r\n" + b"a" * 1048576) * 29, 413),
        ("a huge chunk", head + b"Transfer-Encoding: chunked\r\n\r\nfffffffffffffff0\r\nab", (400, 413)),
        ("endless chunk extensions", head + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"e" * 100000 + b"\r\na\r\n",
         400),
        ("endless trailers", head + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n" + b"T: u\r\n" * 20000 +
         b"\r\n", 400),
    ]
    for what, text, wanted in cases:
        got = exchange(server.port, text)
        expect(got is not None, True, f"{what}: the connection is closed")
        status = int(got[9:12]) if got.startswith(b"HTTP/1.1 ") else None
        if wanted is not None:
            expect(status in (wanted if isinstance(wanted, tuple) else (wanted,)), True, f"{what}: {got[:300]!r}")
        else:
            expect(status is None or 400 <= status < 500, True, f"{what}: {got[:300]!r}")
    good.post()
    expect(len(all_are_there(server, good)), 2, "events")
    expect(resident_kib(server) < 1 << 20, True, "memory")
    server.stop()


def smuggled_requests_are_never_served(folder):
    """What two readers of HTTP may understand differently is refused; the request hidden in it does not run."""
    server = Server(folder)
    good = Good(server)
    auth = b"Authorization: Bearer " + server.token.encode() + b"\r\n"
    hidden = (b"POST /api/v1/events/smuggled HTTP/1.1\r\nHost: a\r\n" + auth +
              b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
    head = b"POST /api/v1/events/door HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
    size = b"Content-Length: %d\r\n"
    chunked = b"Transfer-Encoding: chunked\r\n"
    whole = size % len(hidden)
    ends = b"0\r\n\r\n"
    cases = {
        "CL.TE": head + size % 5 + chunked + b"\r\n" + ends + hidden,
        "TE.CL": head + chunked + size % 3 + b"\r\n" + ends + hidden,
        "two lengths": head + size % 0 + whole + b"\r\n" + hidden,
        "two equal lengths": head + whole + whole + b"\r\n" + hidden,
        "a list of lengths": head + b"Content-Length: 0, %d\r\n\r\n" % len(hidden) + hidden,
        "a length with a sign": head + b"Content-Length: +0\r\n\r\n" + hidden,
        "a negative length": head + b"Content-Length: -1\r\n\r\n" + hidden,
        "a hexadecimal length": head + b"Content-Length: 0x0\r\n\r\n" + hidden,
        "a length with a space inside": head + b"Content-Length: 0 0\r\n\r\n" + hidden,
        "an empty length": head + b"Content-Length:\r\n\r\n" + hidden,
        "a space before the colon": head + b"Content-Length : %d\r\n\r\n" % len(hidden) + hidden,
        "a folded length": head + b"Content-Length:\r\n 0\r\n\r\n" + hidden,
        "a bare LF in the head": head.replace(b"\r\n", b"\n") + b"Content-Length: 0\n\n" + hidden,
        "a bare CR": head + b"X: a\rContent-Length: 0\r\n\r\n" + hidden,
        "a NUL": head + b"X: a\0\r\nContent-Length: 0\r\n\r\n" + hidden,
        "TE that is not chunked": head + b"Transfer-Encoding: x\r\n\r\n" + ends + hidden,
        "TE twice": head + chunked + chunked + b"\r\n" + ends + hidden,
        "TE with identity": head + b"Transfer-Encoding: chunked, identity\r\n\r\n" + ends + hidden,
        "TE hidden by a tab": head + b"Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n" + ends + hidden,
        "TE hidden by a vertical tab": head + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + ends + hidden,
        "TE in HTTP/1.0": head.replace(b"1.1", b"1.0") + chunked + b"\r\n" + ends + hidden,
        "a chunk size with a sign": head + chunked + b"\r\n+0\r\n\r\n" + hidden,
        "a chunk size with 0x": head + chunked + b"\r\n0x0\r\n\r\n" + hidden,
        "a chunk that ends in LF": head + chunked + b"\r\n2\n{}\n0\n\n" + hidden,
        "a chunk longer than said": head + chunked + b"\r\n1\r\n{}\r\n0\r\n\r\n" + hidden,
        "a chunk size that overflows": head + chunked + b"\r\n10000000000000000\r\n" + hidden,
        "two hosts": head + b"Host: b\r\nContent-Length: 0\r\n\r\n" + hidden,
        "no host": b"POST /api/v1/events/door HTTP/1.1\r\nContent-Length: 0\r\n\r\n" + hidden,
        "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + hidden,
        "no version": b"POST /api/v1/events/door\r\n\r\n" + hidden,
        "version 1.2": head.replace(b"1.1", b"1.2") + b"Content-Length: 0\r\n\r\n" + hidden,
        "a tab in the first line": head.replace(b" /", b"\t/", 1) + b"Content-Length: 0\r\n\r\n" + hidden,
        "two spaces in the first line": head.replace(b" /", b"  /", 1) + b"Content-Length: 0\r\n\r\n" + hidden,
        "a header without a name": head + b": x\r\nContent-Length: 0\r\n\r\n" + hidden,
        "a space before the first header": head.replace(b"Host", b" Host", 1) + b"Content-Length: 0\r\n\r\n" + hidden,
    }
    for what, text in cases.items():
        got = exchange(server.port, text)
        expect(got is not None, True, f"{what}: the connection is closed")
        expect(got[:11] in (b"HTTP/1.1 40", b"HTTP/1.1 50"), True, f"{what}: {got[:200]!r}")
        expect(len(re.findall(rb"(?:^|\n)HTTP/1\.1 \d", got)), 1, f"{what}: answers in {got[:2000]!r}")
    good.post()
    found = all_are_there(server, good)
    expect(len(found), 1, "events")
    # The same hidden request sent plainly does run: what was refused was refused for its form.
    got = exchange(server.port, hidden.replace(b"Host: a", b"Host: a\r\nConnection: close"))
    expect(got[:12], b"HTTP/1.1 202", f"{got[:300]!r}")
    server.stop()


if __name__ == "__main__":
    raise_limit()
    main([slow_heads, slow_bodies, silent_connections, connections_that_reset, answers_that_nobody_reads,
          wrong_tokens, nonsense, more_slow_ones_than_there_is_room, too_much_is_refused,
          smuggled_requests_are_never_served])
