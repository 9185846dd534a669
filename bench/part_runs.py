"""Completed runs, ingest, a large answer: W1, W2, W3, W6, and the ceilings of the machine."""
import http.client
import json
import os
import re
import subprocess
import sys
import threading
import time

from driver import ROOT, SUCCEEDED, alert, call, wait_for


def refused_posts(bench, seconds="1"):
    return bench.load(bench.port, "/api/v1/tokens/x", seconds)["rate"]


def client_calls(bench, seconds="1"):
    client = subprocess.run([str(bench.tools / "bench_client"), f"http://127.0.0.1:{bench.tool_port}/x", seconds],
                            stdout=subprocess.PIPE, text=True, check=True).stdout
    return float(re.search(r"(\d+) calls/s", client).group(1))


def syncs(bench):
    return disk_syncs(bench.folder)


# What the machine gives to the parts alone: the server must run for the POST.
CEILINGS = {"fdatasync of 4 KB": syncs, "our HTTP server, POST of 1.5 KB that is refused": refused_posts,
            "our HTTP client to nginx": client_calls}


def ceilings(bench):
    print("ceilings of this machine, one at a time")
    bench.start("ceilings")
    wait = str(2 if bench.options.full else 1)
    for name, measure in CEILINGS.items():
        bench.say(name, measure(bench), "/s")
    bench.say("our HTTP server, GET that does nothing",
              bench.load(bench.port, "/healthz", wait, "--method", "GET", body=False)["rate"], "/s")
    bench.say("nginx, GET of 600 bytes",
              bench.load(bench.tool_port, "/x", wait, "--method", "GET", body=False)["rate"], "/s")
    bench.stop()


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
    beside_ceilings(bench, "W1", rate, *CEILINGS)
    for name, at in (("at 70 % of that", rate * 0.7), ("at 20 runs/s", 20)):
        got = bench.load(bench.port, path, seconds, "--rate", f"{at:.0f}", "--connections", "256", "--expect",
                        "succeeded")
        goal = "goal p99 100" if at > 20 else "goal p50 5"
        bench.say(f"W1 {name}, POST to end, p50", got["p50_ms"], "ms", f"{got['rate']:.0f} runs/s")
        bench.say(f"W1 {name}, POST to end, p99", got["p99_ms"], "ms", f"{goal}; max {got['max_ms']:.1f}")
    bench.stop()


def w2(bench):
    count = 3000 if bench.options.full else 300
    print(f"W2: five calls, a loop of ten, another playbook, a question answered by the API; {count} runs, 8 at a time")
    bench.start("w2")
    in_bulk(bench, 10)
    cpu = bench.cpu_us()
    in_bulk(bench, count)
    cpu = bench.spent_us(cpu) / count
    begun = time.monotonic()
    times = work_off(bench, count)
    rate = count / (time.monotonic() - begun)
    bench.say("W2, completed runs", rate, "/s", "each posted, answered and looked at until its end by one client")
    bench.say("W2, CPU of the server a run", cpu, "us", "posted by the thousand, answered one by one")
    bench.say("W2, POST to end, p50", percentile(times, 0.5), "ms", "people take no time: the answer follows the question")
    bench.say("W2, POST to end, p99", percentile(times, 0.99), "ms")
    beside_ceilings(bench, "W2's calls to nginx", rate * 5, "our HTTP client to nginx")
    bench.stop()


def in_bulk(bench, count):
    """Nobody looks at the runs meanwhile, so that what they cost is their own."""
    bench.next += 1
    link, answered, ended = Link(bench), 0, bench.metric(SUCCEEDED)
    bench.post_many("w2", count, lambda n: json.dumps({"name": f"{bench.next}-{n}", "host": f"{bench.next}-{n}.example"}))
    while answered < count:
        time.sleep(0.1)
        for task in link.call("GET", "/api/v1/tasks?status=open&limit=1000")["items"]:
            link.call("POST", f"/api/v1/tasks/{task['id']}/answer", {"choice": "yes_please"})
            answered += 1
    wait_for(lambda: bench.metric(SUCCEEDED) >= ended + 2 * count, 60, "the runs of W2")


def work_off(bench, count):
    """Eight clients, each of which starts a run, answers its question and sees it end; the times in ms."""
    times = []
    bench.next += 1

    def client(number, first=bench.next):
        link = Link(bench)
        for n in range(number, count, 8):
            begun = time.monotonic()
            name = f"{first}-{n}"
            event = link.call("POST", "/api/v1/events/w2", {"name": name, "host": f"{name}.example"})["events"][0]
            run = event["runs"][0]
            task = link.until(f"/api/v1/tasks?run_id={run}&status=open",
                              lambda page: next(iter(page["items"]), None))
            link.call("POST", f"/api/v1/tasks/{task['id']}/answer", {"choice": "yes_please"})
            link.until(f"/api/v1/runs/{run}", lambda shown: shown["status"] == "succeeded")
            times.append((time.monotonic() - begun) * 1e3)

    clients = [threading.Thread(target=client, args=(number,)) for number in range(8)]
    for one in clients:
        one.start()
    for one in clients:
        one.join()
    if len(times) != count:
        sys.exit("W2: not all runs ended")
    return times


class Link:
    """A kept connection to the API."""

    def __init__(self, bench):
        self.connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
        self.headers = {"Authorization": "Bearer " + bench.token, "Content-Type": "application/json"}

    def call(self, method, path, body=None):
        self.connection.request(method, path, json.dumps(body) if body else None, self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def until(self, path, found, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if (what := found(self.call("GET", path))):
                return what
            time.sleep(0.002)
        raise RuntimeError(f"{path}: not there after {seconds} s")


def percentile(times, share):
    return sorted(times)[min(len(times) - 1, int(len(times) * share))]


def beside_ceilings(bench, what, rate, *ceilings):
    """Measured just now, since a machine that others use too gives another each minute."""
    for name in ceilings:
        ceiling = CEILINGS[name](bench)
        print(f"    {what}, {rate:,.0f} /s, beside {name}: {ceiling:,.0f} /s, that is {100 * rate / ceiling:.0f} %", flush=True)


def w3(bench):
    seconds = bench.options.seconds or (30 if bench.options.full else 5)
    print(f"W3: events without a playbook, {seconds} s each")
    bench.start("w3")
    got = bench.load(bench.port, "/api/v1/events/quiet", seconds, "--connections", "128")
    bench.say("W3, one event a request", got["rate"], "/s", f"p99 {got['p99_ms']:.1f} ms")
    count, begun = 40_000, time.monotonic()
    bench.post_many("quiet", count, lambda n: json.dumps({"name": f"b{n}", "host": f"b{n}.example"}))
    bench.say("W3, a thousand events a request, one sender", count / (time.monotonic() - begun), "/s", "goal 30,000")
    beside_ceilings(bench, "W3, one event a request", got["rate"], "fdatasync of 4 KB",
                    "our HTTP server, POST of 1.5 KB that is refused")
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
    begun = time.thread_time()
    call(bench.tool_port, "GET", "/big")
    bench.say("W6, beside it: Python's HTTP client reads it", (time.thread_time() - begun) * 1e3, "ms", "of CPU, nothing parsed")
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
