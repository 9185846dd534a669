"""A good client beside hostile clients and tools: its 99th percentile must stay within twice what it is when all is quiet."""
import contextlib
import http.client
import json
import multiprocessing
import sys
import threading
import time

from driver import ROOT, wait_for

sys.path.insert(0, str(ROOT / "tests/e2e"))
import attackers  # noqa: E402
import hostile_tool  # noqa: E402

RATE = 100  # of the good client: runs of W1, each from POST to end
TOOL_CALLS = 20  # a second of runs that call the hostile tool
DOOR = b"POST /api/v1/events/door HTTP/1.1\r\nHost: a\r\n"
SMUGGLED = (DOOR + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + DOOR + b"Content-Length: 2\r\n\r\n{}")
WRONG_TOKEN = DOOR + b"Authorization: Bearer toc_" + b"A" * 43 + b"\r\nContent-Length: 2\r\n\r\n{}"


def hostile(bench):
    seconds = bench.options.seconds or (15 if bench.options.full else 2)
    attackers.raise_limit()
    tool = multiprocessing.Process(target=hostile_tool.serve, args=(bench.hostile_port, ready := multiprocessing.Event()))
    tool.start()
    if not ready.wait(60):
        sys.exit("the hostile tool did not start")
    bench.start("hostile")
    print(f"a good client at {RATE} runs/s of W1, POST to end, {seconds} s quiet and {seconds} s beside each; attackers have "
          "the lowest priority")
    bench.load(bench.port, PATH, 2, "--rate", str(RATE), "--connections", "64")
    worst = 1
    for name, attack in attacks(bench).items():
        if bench.options.case not in name:
            continue
        quiet = good(bench, seconds)
        cpu = bench.cpu_us()
        with attack:
            beside = good(bench, seconds)
        share = bench.spent_us(cpu) / seconds / 1e4
        ratio = beside["p99_ms"] / quiet["p99_ms"]
        worst = max(worst, ratio)
        lost = beside["broken"] + beside["unexpected"] + quiet["broken"] + quiet["unexpected"]
        bench.say(f"p99 beside {name}", beside["p99_ms"], "ms", f"quiet {quiet['p99_ms']:.1f}: {ratio:.1f} times; p50 "
                  f"{beside['p50_ms']:.1f}, quiet {quiet['p50_ms']:.1f}; server's CPU {share:.0f} %; {lost} lost; "
                  f"RSS {bench.rss_mb():.0f} MB")
        settle(bench)
    bench.say("largest of these", worst, "times", "goal 2")
    bench.stop()
    tool.terminate()
    tool.join()


PATH = "/api/v1/events/wazuh?wait=30s"


def good(bench, seconds):
    return bench.load(bench.port, PATH, seconds, "--rate", str(RATE), "--connections", "64", "--expect", "succeeded")


def settle(bench):
    """Runs that the attack has left end first."""
    wait_for(lambda: bench.metric("tocsin_runs_active") == 0, 120, "the hostile runs", every=0.1)


def attacks(bench):
    def client(attacker, count=0, opening=b""):
        return attackers.Attack(attacker, bench.port, count, opening)

    token = b"Authorization: Bearer " + bench.token.encode() + b"\r\n"
    large = DOOR + token + b"Content-Type: application/json\r\nContent-Length: 20971520\r\n\r\n" + b"[" * (1 << 20)
    return {
        "nothing": contextlib.nullcontext(),
        "1,000 slow heads": client(attackers.drip, 1000, b"GET / HTTP/1.1\r\nHost: a\r\nX-"),
        "500 slow bodies": client(attackers.drip, 500, DOOR + b"Content-Length: 1000000\r\n\r\n"),
        "1,000 silent connections": client(attackers.drip, 1000),
        "connections that reset": client(attackers.storm, 0, b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"),
        "wrong tokens": client(attackers.storm, 0, WRONG_TOKEN),
        "smuggled requests": client(attackers.storm, 0, SMUGGLED),
        "bodies that are too large": client(attackers.storm, 0, large),
        "answers that nobody reads": client(attackers.never_read, 50,
                                            b"GET /api/v1/openapi.json HTTP/1.1\r\nHost: a\r\n\r\n"),
        "nonsense": client(attackers.noise),
        **{f"a tool: {text}": calls(bench, way) for way, text in (
            ("hang", "hangs"), ("drip", "drips"), ("garbage", "garbage"), ("huge", "100 MB"), ("wrong_length", "wrong length"),
            ("redirect", "redirects"), ("bomb", "gzip bomb"), ("too_many", "429"), ("many_values", "300,000 values"))},
    }


@contextlib.contextmanager
def calls(bench, way):
    """Runs that call the hostile tool, at a fixed rate."""
    stop = threading.Event()

    def post():
        connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
        for number in range(1 << 30):
            if stop.wait(1 / TOOL_CALLS):
                break
            connection.request("POST", "/api/v1/events/hostile", json.dumps({"way": way, "name": f"{way} {number}"}),
                               {"Authorization": "Bearer " + bench.token, "Content-Type": "application/json"})
            connection.getresponse().read()
        connection.close()

    thread = threading.Thread(target=post)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
