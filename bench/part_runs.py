"""Completed runs, ingest, a large answer: W1, W2, W3, W6, and the ceilings of the machine."""
import json
import os
import re
import subprocess
import sys
import time

from driver import ROOT, alert, wait_for


def ceilings(bench):
    print("ceilings of this machine, one at a time")
    bench.say("fdatasync of 4 KB", disk_syncs(bench.folder), "/s")
    bench.start("ceilings")
    wait = str(2 if bench.options.full else 1)
    bench.say("our HTTP server, GET that does nothing", bench.load(bench.port, "/healthz", wait, "--method", "GET",
                                                                 body=False)["rate"], "/s")
    bench.say("our HTTP server, POST of 1.5 KB that is refused",
             bench.load(bench.port, "/api/v1/tokens/x", wait)["rate"], "/s")
    bench.stop()
    bench.say("nginx, GET of 600 bytes", bench.load(bench.tool_port, "/x", wait, "--method", "GET", body=False)["rate"], "/s")
    client = subprocess.run([str(bench.tools / "bench_client"), f"http://127.0.0.1:{bench.tool_port}/x", wait],
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    rate, each = re.search(r"(\d+) calls/s, ([\d.]+) us", client).groups()
    bench.say("our HTTP client to nginx", float(rate), "/s", f"{each} us CPU each")


def start_part(bench):
    print("start")
    path = "/api/v1/events/wazuh"
    one = alert(1)
    begun = time.monotonic()
    bench.start("start")
    status = bench.api("POST", path, one)[0]
    bench.say("start to first accepted event", (time.monotonic() - begun) * 1e3, "ms", f"goal 150; HTTP {status}")
    time.sleep(0.5)
    bench.say("RSS, idle", bench.rss_mb(), "MB", "goal 32")
    bench.stop()


def w1(bench):
    seconds = bench.options.seconds or (30 if bench.options.full else 5)
    path = "/api/v1/events/wazuh?wait=30s"
    print(f"W1: POST of 1.5 KB, mapping, set, if, GET of 600 bytes, end; {seconds} s each")
    bench.start("w1")
    bench.load(bench.port, path, 1, "--connections", "64")  # caches
    before, cpu = bench.metric('tocsin_runs_total{status="succeeded"}'), bench.cpu_us()
    commits, begun = bench.metric("tocsin_store_commit_seconds_count"), time.monotonic()
    # Events in flight bound the runs in flight: ?wait answers when the run has ended.
    full = bench.load(bench.port, path, seconds, "--connections", "128", "--warm", "0", "--expect", "succeeded")
    runs = bench.metric('tocsin_runs_total{status="succeeded"}') - before
    span, rss = time.monotonic() - begun, bench.rss_mb()
    after = bench.cpu_us()
    commits = bench.metric("tocsin_store_commit_seconds_count") - commits
    rate = runs / span
    bench.say("W1, completed runs", rate, "/s", f"goal 3,000; least second {full['least_a_second']}, "
             f"{full['unexpected']} not succeeded, {full['broken']} broken")
    bench.say("W1, commits", commits / span, "/s", f"{runs / max(commits, 1):.1f} runs a commit")
    threads = {name: (after[name] - cpu.get(name, 0)) / max(runs, 1) for name in after}
    bench.say("W1, CPU of the server a run", sum(threads.values()), "us",
             ", ".join(f"{name} {us:.0f}" for name, us in sorted(threads.items(), key=lambda t: -t[1]) if us >= 1))
    bench.say("RSS at full load", rss, "MB", "goal 200")
    for ceiling in ("our HTTP server, POST of 1.5 KB that is refused", "our HTTP client to nginx"):
        if ceiling in bench.figures:
            print(f"    that is {100 * rate / bench.figures[ceiling]:.0f} % of: {ceiling}")
    for name, at in (("at 70 % of that", rate * 0.7), ("at 20 runs/s", 20)):
        got = bench.load(bench.port, path, seconds, "--rate", f"{at:.0f}", "--connections", "256", "--expect",
                        "succeeded")
        goal = "goal p99 100" if at > 20 else "goal p50 5"
        bench.say(f"W1 {name}, POST to end, p50", got["p50_ms"], "ms", f"{got['rate']:.0f} runs/s")
        bench.say(f"W1 {name}, POST to end, p99", got["p99_ms"], "ms", f"{goal}; max {got['max_ms']:.1f}")
    bench.stop()


def w2(bench):
    count = 1000 if bench.options.full else 200
    print(f"W2: five calls, a loop of ten, another playbook, a question answered by the API; {count} runs")
    bench.start("w2")
    answer_all(bench, "w2", 10)
    cpu, begun = bench.cpu_us(), time.monotonic()
    answer_all(bench, "w2", count)
    bench.say("W2, completed runs (asked and answered one by one)", count / (time.monotonic() - begun), "/s")
    after = bench.cpu_us()
    bench.say("W2, CPU of the server a run", sum(after[n] - cpu.get(n, 0) for n in after) / count, "us",
             "the bench's own questions by HTTP included")
    bench.stop()


def answer_all(bench, source, count):
    bench.next += 1
    ended = bench.metric('tocsin_runs_total{status="succeeded"}')
    bench.post_many(source, count, lambda n: json.dumps({"name": f"{bench.next}-{n}", "host": f"{bench.next}-{n}.example"}))
    answered = 0
    while answered < count:
        for task in json.loads(bench.api("GET", "/api/v1/tasks?status=open&limit=1000")[1])["items"]:
            body = json.dumps({"choice": "yes_please"}).encode()
            answered += bench.api("POST", f"/api/v1/tasks/{task['id']}/answer", body)[0] < 300
    wait_for(lambda: bench.metric('tocsin_runs_total{status="succeeded"}') >= ended + 2 * count, 60, "the runs of W2")


def w3(bench):
    seconds = bench.options.seconds or (30 if bench.options.full else 5)
    print(f"W3: events without a playbook, {seconds} s each")
    bench.start("w3")
    got = bench.load(bench.port, "/api/v1/events/quiet", seconds, "--connections", "128")
    bench.say("W3, one event a request", got["rate"], "/s", f"p99 {got['p99_ms']:.1f} ms")
    count, begun = 40_000, time.monotonic()
    bench.post_many("quiet", count, lambda n: json.dumps({"name": f"b{n}", "host": f"b{n}.example"}))
    bench.say("W3, a thousand events a request, one sender", count / (time.monotonic() - begun), "/s", "goal 30,000")
    bench.stop()


def w6(bench):
    size = (bench.folder / "big.json").stat().st_size
    print(f"W6: a tool answers with {size / 1e6:.1f} MB")
    bench.start("w6")
    one = json.dumps({"name": "first"}).encode()
    bench.api("POST", "/api/v1/events/w6?wait=30s", one)
    cpu = bench.cpu_us()
    for number in range(5):
        answer = bench.api("POST", "/api/v1/events/w6?wait=30s", json.dumps({"name": f"b{number}"}).encode())[1]
        if b'"succeeded"' not in answer:
            sys.exit("W6 did not succeed: " + answer.decode()[:500])
    after = bench.cpu_us()
    bench.say("W6, CPU of the server a run", sum(after[n] - cpu.get(n, 0) for n in after) / 5 / 1e3, "ms", "goal 50")
    bench.stop()


def disk_syncs(folder):
    path = folder / "sync"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    block = bytes(4096)
    for at in range(256):
        os.pwrite(handle, block, at * 4096)
    os.fsync(handle)
    begun, count = time.monotonic(), 0
    while time.monotonic() - begun < 1:
        os.pwrite(handle, block, count % 256 * 4096)
        os.fdatasync(handle)
        count += 1
    os.close(handle)
    path.unlink()
    return count / (time.monotonic() - begun)
