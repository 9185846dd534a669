"""Clients that dawdle, flood, overdo and send nonsense, each a process of its own.

On a machine of few cores an attacker takes the time that it costs itself from those that it attacks, as no attacker over a
network does: so they run at the lowest priority. What they cost the server is what is left.
"""
import multiprocessing
import os
import random
import resource
import socket
import struct


def raise_limit():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def dial(port):
    found = socket.socket()
    found.setblocking(False)
    found.connect_ex(("127.0.0.1", port))
    return found


def drip(port, count, opening, ready, stop):
    """Keeps `count` connections open that send `opening` and then a byte now and then."""
    raise_limit()
    held = {}
    while not stop.is_set():
        while len(held) < count:
            held[dial(port)] = False
        for one in list(held):
            try:
                one.send(b"x" if held[one] else opening)
                held[one] = True
            except BlockingIOError:
                pass
            except OSError:
                one.close()
                del held[one]
        ready.set()
        stop.wait(0.5)


def storm(port, _count, opening, ready, stop):
    """Connects, says something and resets, as fast as it can within reason."""
    while not stop.is_set():
        for _ in range(20):
            try:
                one = socket.create_connection(("127.0.0.1", port), timeout=5)
                one.sendall(opening)
                one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                one.close()
            except OSError:
                pass
        ready.set()
        stop.wait(0.02)


def never_read(port, count, opening, ready, stop):
    """Asks again and again and reads no answer."""
    raise_limit()
    held = [dial(port) for _ in range(count)]
    while not stop.is_set():
        for i, one in enumerate(held):
            try:
                one.send(opening * 20)
            except BlockingIOError:
                pass
            except OSError:
                one.close()
                held[i] = dial(port)
        ready.set()
        stop.wait(0.2)


def noise(port, _count, _opening, ready, stop):
    """Bytes that mean nothing, and requests with a few bytes changed."""
    chance = random.Random(1)
    whole = b"POST /api/v1/events/door HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}"
    while not stop.is_set():
        for _ in range(10):
            text = bytearray(whole * 3)
            if chance.random() < 0.3:
                text = bytearray(chance.randbytes(chance.randrange(1, 3000)))
            for _ in range(chance.randrange(1, 6)):
                text[chance.randrange(len(text))] = chance.randrange(256)
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=5) as one:
                    one.sendall(text)
                    one.shutdown(socket.SHUT_WR)
                    one.settimeout(5)
                    while one.recv(65536):
                        pass
            except OSError:
                pass
        ready.set()
        stop.wait(0.02)


def run_meekly(attacker, *more):
    os.nice(19)
    attacker(*more)


class Attack:
    def __init__(self, attacker, port, count=0, opening=b""):
        self.ready, self.stop = multiprocessing.Event(), multiprocessing.Event()
        self.process = multiprocessing.Process(target=run_meekly, daemon=True,
                                               args=(attacker, port, count, opening, self.ready, self.stop))

    def __enter__(self):
        self.process.start()
        if not self.ready.wait(30):
            raise RuntimeError("the attack does not begin")
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.process.join(20)
        if self.process.is_alive():
            self.process.kill()
