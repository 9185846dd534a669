#!/usr/bin/env python3
"""The event stream as its clients use it: live events, resuming, topics by scope, wrong requests, leaving, stop.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import functools
import http.client
import json
import os
import socket
import sqlite3

from harness import Server, expect, main

STREAM = "/api/v1/stream"


class CaseServer(Server):
    def open_case(self, title):
        return self.post("/api/v1/cases", {"title": title, "severity": "high"}, 201)["id"]


class Stream:
    """Reads one event at a time."""

    def __init__(self, server, path=STREAM, token=None, last=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=25)
        headers = {"Authorization": "Bearer " + (token or server.token)}
        if last is not None:
            headers["Last-Event-ID"] = str(last)
        self.connection.request("GET", path, headers=headers)
        self.answer = self.connection.getresponse()
        expect(self.answer.status, 200, "stream")
        expect(self.answer.headers["Content-Type"][:17], "text/event-stream", "type")

    def block(self):
        lines = []
        while True:
            line = self.answer.readline()
            if line == b"":
                return None
            if line == b"\n":
                return lines
            lines.append(line.decode().rstrip("\n"))

    def event(self):
        """(id, name, data); comments are passed over; None at the end."""
        while True:
            lines = self.block()
            if lines is None:
                return None
            if not lines[0].startswith(":"):
                break
        fields = dict(line.split(": ", 1) for line in lines)
        return int(fields["id"]), fields.get("event"), json.loads(fields["data"]) if "data" in fields else None

    def close(self):
        self.answer.close()
        self.connection.close()


def new_events_come_and_old_ones_do_not(server):
    server.open_case("before")
    stream = Stream(server)
    newest, name, data = stream.event()
    expect((name, data), (None, None), "the first block only sets the id")
    case = server.open_case("after")
    number, name, data = stream.event()
    expect((name, data["subject"], data["title"]), ("case", case, "after"), "event")
    expect((number > newest, data["at"][-1]), (True, "Z"), "number and time")
    stream.close()


def a_stream_resumes_behind_the_last_event(server):
    cases = [server.open_case(f"case {number}") for number in range(450)]  # more than two reads
    stream = Stream(server, last=0)
    events = []
    while len(set(data["subject"] for _, _, data in events)) < len(cases):
        events.append(stream.event())
        expect(events[-1][1], "case", "topic")
    stream.close()
    numbers = [number for number, _, _ in events]
    expect(numbers, sorted(set(numbers)), "order")
    half = len(events) // 2
    by_query = Stream(server, STREAM + f"?last_event_id={numbers[half]}")
    expect(by_query.event(), events[half + 1], "by query")
    by_query.close()
    both = Stream(server, STREAM + "?last_event_id=0", last=numbers[half])
    expect(both.event(), events[half + 1], "the header wins")
    both.close()


def many_streams_get_each_event(server):
    streams = [Stream(server) for _ in range(40)]
    for stream in streams:
        stream.event()
    case = server.open_case("for all")
    for stream in streams:
        expect(stream.event()[2]["subject"], case, "event")
        stream.close()


def a_token_sees_only_the_topics_it_may_read(server):
    made = server.call("POST", "/api/v1/tokens", {"name": "alerts", "scopes": "alerts:read"})[1]
    blind, seeing = Stream(server, token=made["token"]), Stream(server)
    blind.event(), seeing.event()
    server.open_case("not for you")
    expect(seeing.event()[1], "case", "the administrator's")
    lines = blind.block()  # nothing but the heartbeat, which comes within 15 s
    expect(lines[0][:1], ":", "the other's")
    blind.close()
    seeing.close()


def a_number_from_another_outbox_is_answered_by_reset(server):
    server.open_case("one")
    stream = Stream(server, last=10**12)
    number, name, data = stream.event()
    expect((name, data["oldest"]), ("reset", 1), "reset")
    server.open_case("two")
    expect(stream.event()[0] > number, True, "goes on")
    stream.close()


def trimmed_entries_are_told_by_reset(server):
    for number in range(10):
        server.open_case(f"{number}")
    server.stop()
    with sqlite3.connect(os.path.join(server.data, "tocsin.db")) as database:
        kept = database.execute("SELECT max(seq) - 2 FROM store_outbox").fetchone()[0]
        database.execute("DELETE FROM store_outbox WHERE seq < ?", (kept,))
    database.close()
    again = CaseServer(server.folder)
    stream = Stream(again, last=kept - 2)
    expect(stream.event(), (kept - 1, "reset", {"oldest": kept}), "reset")
    expect(stream.event()[0], kept, "the oldest kept")
    stream.close()
    stream = Stream(again, last=kept - 1)
    expect(stream.event()[:2], (kept, "case"), "nothing was missed")
    stream.close()
    again.stop()


def wrong_requests_are_refused(server):
    for last in ("x", "-1", "1.5", "99999999999999999999999"):
        status, problem, _ = server.call("GET", STREAM, headers={"Last-Event-ID": last})
        expect((status, problem["code"]), (400, "last_event_id"), last)
        expect(server.call("GET", STREAM + "?last_event_id=" + last)[0], 400, "query " + last)
    expect(server.call("GET", STREAM, headers={"Authorization": "Bearer toc_" + "A" * 43})[0], 401, "token")


def readers_that_leave_do_no_harm(server):
    for number in range(200):
        peer = socket.create_connection(("127.0.0.1", server.port))
        peer.sendall(f"GET {STREAM}?last_event_id=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}"
                     "\r\n\r\n".encode())
        if number % 3 == 0:
            peer.recv(100)
        if number % 20 == 0:
            server.open_case(f"{number}")
        peer.close()
    new_events_come_and_old_ones_do_not(server)


def a_reader_that_stops_reading_is_ended(server):
    stalled = socket.socket()
    stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    stalled.connect(("127.0.0.1", server.port))
    stalled.sendall(f"GET {STREAM}?last_event_id=0 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}"
                    "\r\n\r\n".encode())
    title = "t" * 500
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    headers = {"Authorization": "Bearer " + server.token, "Content-Type": "application/json"}
    for _ in range(16000):  # over 4 MiB and what the sockets hold
        connection.request("POST", "/api/v1/cases", json.dumps({"title": title}), headers)
        answer = connection.getresponse()
        answer.read()
        expect(answer.status, 201, "case")
    connection.close()
    stalled.settimeout(20)
    tail = b""
    while True:
        try:
            part = stalled.recv(1 << 16)
        except ConnectionResetError:
            break
        if not part:
            break
        tail = (tail + part)[-5:]
        if tail == b"0\r\n\r\n":
            break
    stalled.close()
    new_events_come_and_old_ones_do_not(server)


def a_stop_ends_open_streams(server):
    streams = [Stream(server, last=0) for _ in range(10)]
    server.open_case("last")
    server.stop()
    for stream in streams:
        try:
            while stream.event():
                pass
        except (http.client.IncompleteRead, ConnectionResetError):
            pass
        stream.close()


def with_server(test):
    """The test of a server as one of a folder; the server is stopped behind it unless the test did so itself."""
    @functools.wraps(test)
    def of_folder(folder):
        with CaseServer(folder) as server:
            test(server)
    return of_folder


if __name__ == "__main__":
    main([with_server(test) for test in (
        new_events_come_and_old_ones_do_not, a_stream_resumes_behind_the_last_event, many_streams_get_each_event,
        a_token_sees_only_the_topics_it_may_read, a_number_from_another_outbox_is_answered_by_reset,
        trimmed_entries_are_told_by_reset, wrong_requests_are_refused, readers_that_leave_do_no_harm,
        a_reader_that_stops_reading_is_ended, a_stop_ends_open_streams)])
