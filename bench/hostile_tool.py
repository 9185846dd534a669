"""A tool that misbehaves; the path says how. serve(ready) runs it in a process of its own, at the lowest priority."""
import asyncio
import json
import os
import zlib

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNK = b"[" * 65536


def bomb():
    """A hundred megabytes of zeros in a tenth of one."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    zeros = bytes(1 << 20)
    return b"".join(packer.compress(zeros) for _ in range(100)) + packer.flush()


def many_values():
    """As much as an answer may be, all of it small values."""
    return json.dumps([{"a": n} for n in range(300_000)]).encode()


async def hang(_writer):
    await asyncio.sleep(3600)


async def drip(writer):
    writer.write(HEAD + b"Content-Length: 1000000\r\n\r\n[")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.2)


async def garbage(writer):
    writer.write(os.urandom(100_000))


async def huge(writer):
    writer.write(HEAD + b"Content-Length: 104857600\r\n\r\n")
    for _ in range(1600):
        writer.write(CHUNK)
        await writer.drain()


async def wrong_length(writer):
    writer.write(HEAD + b"Content-Length: 1000\r\n\r\n{}")


async def redirect(writer):
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /redirect\r\nContent-Length: 0\r\n\r\n")


async def too_many(writer):
    writer.write(b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")


WAYS = {"hang": hang, "drip": drip, "garbage": garbage, "huge": huge, "wrong_length": wrong_length, "redirect": redirect,
        "too_many": too_many}


def serve(port, ready):
    heads = {"bomb": HEAD + b"Content-Encoding: gzip\r\n", "many_values": HEAD}
    bodies = {"bomb": bomb(), "many_values": many_values()}
    os.nice(19)

    async def answer(reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                way = head.split(b" ", 2)[1].decode().strip("/")
                if way in bodies:
                    writer.write(heads[way] + b"Content-Length: %d\r\n\r\n" % len(bodies[way]) + bodies[way])
                else:
                    await WAYS[way](writer)
                await writer.drain()
                if way in ("garbage", "wrong_length", "huge"):
                    break
        except (OSError, asyncio.IncompleteReadError):
            pass
        writer.close()

    async def run():
        server = await asyncio.start_server(answer, "127.0.0.1", port, backlog=1024)
        ready.set()
        await server.serve_forever()

    asyncio.run(run())
