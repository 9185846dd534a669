"""Parked runs (W4), a store with many events, the commands that need no server."""
import http.client
import json
import shutil
import subprocess
import threading
import time

from driver import ROOT, SUCCEEDED, wait_for


def w4(bench):
    """Runs that wait for one instant, and a few that wait for people: made, kept over a start, looked at, woken."""
    count = bench.options.count or (1_000_000 if bench.options.full else 20_000)
    asked = max(count // 100, 100)
    print(f"W4: {count:,} parked runs")
    bench.start("w4")
    make(bench, "warm", max(count // 50, 500), time.time() + 43_200)
    make_asked(bench, asked)
    before, begun = bench.rss_mb(), time.monotonic()
    rate = make(bench, "measured", max(count // 50, 500), time.time() + 43_200)
    due = int(time.time() + count / rate * 1.5 + 20 + asked / 200)  # when all are made and the server has started anew
    rate = make(bench, "event", count, due)
    bench.say("W4, parked runs made", rate, "/s", "in batches of 1,000")
    bench.say(f"W4, memory of {count:,} parked runs while they are made", bench.rss_mb() - before, "MB",
              f"goal 64 for 100,000; at most {bench.rss_peak_mb():.0f} MB in all")
    bench.stop()
    begun = time.monotonic()
    bench.start("w4")
    wait_for(lambda: bench.api("GET", "/readyz")[0] == 200, 60, "the server")
    bench.say("W4, start to ready", (time.monotonic() - begun) * 1e3, "ms", "goal 2,000")
    bench.say("W4, RSS after that start", bench.rss_mb(), "MB")
    list_times(bench, "W4, ", (("runs", "/api/v1/runs"), ("runs that wait", "/api/v1/runs?status=waiting"),
                               ("tasks", "/api/v1/tasks?status=open"), ("alerts", "/api/v1/alerts")))
    wake_by_answers(bench, asked)
    if time.time() > due:
        print("  (they were due before all was made: the rates of waking are those of what was left)")
    wake_by_timers(bench, count, due)
    bench.stop()


def make(bench, name, count, until):
    """Until they are parked, in runs a second."""
    parked, begun = bench.metric("tocsin_runs_parked"), time.monotonic()
    text = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(until))
    bench.post_many("parked", count, lambda n: json.dumps({"name": f"{name} {n}", "host": f"{name}{n}.example",
                                                          "until": text}))
    wait_for(lambda: bench.metric("tocsin_runs_parked") >= parked + count, 600, "parked runs", every=0.05)
    return count / (time.monotonic() - begun)


def make_asked(bench, count):
    parked = bench.metric("tocsin_runs_parked")
    bench.post_many("asked", count, lambda n: json.dumps({"name": f"asked {n}", "host": f"asked{n}.example"}))
    wait_for(lambda: bench.metric("tocsin_runs_parked") >= parked + count, 600, "runs that ask", every=0.05)


def wake_by_answers(bench, count):
    """By four people at once, over connections that stay."""
    tasks, after = [], None
    while True:
        page = json.loads(bench.api("GET", "/api/v1/tasks?status=open&limit=1000" + (f"&after={after}" if after else ""))[1])
        tasks += [task["id"] for task in page["items"]]
        after = page.get("next")
        if not after:
            break
    ended, cpu, begun = bench.metric(SUCCEEDED), bench.cpu_us(), time.monotonic()
    people = [threading.Thread(target=answer, args=(bench, tasks[i::4])) for i in range(4)]
    for person in people:
        person.start()
    for person in people:
        person.join()
    wait_for(lambda: bench.metric(SUCCEEDED) >= ended + count, 60, "the answered runs")
    bench.say("W4, runs woken by answers", count / (time.monotonic() - begun), "/s",
              f"{bench.spent_us(cpu) / count:.0f} us CPU each, the answer by HTTP included")


def answer(bench, tasks):
    connection = http.client.HTTPConnection("127.0.0.1", bench.port, timeout=60)
    for task in tasks:
        connection.request("POST", f"/api/v1/tasks/{task}/answer", json.dumps({"choice": "yes_please"}),
                           {"Authorization": "Bearer " + bench.token, "Content-Type": "application/json"})
        connection.getresponse().read()
    connection.close()


def wake_by_timers(bench, count, due):
    """All are due at the same instant; that a client's event does not wait for them is measured beside it."""
    time.sleep(max(0, due - time.time() - 2))
    bench.rss_peak_reset()
    ended, cpu = bench.metric(SUCCEEDED), bench.cpu_us()
    time.sleep(max(0, due - time.time()))
    begun = time.monotonic()
    beside = {}
    client = threading.Thread(target=lambda: beside.update(
        bench.load(bench.port, "/api/v1/events/quiet", 3, "--rate", "50", "--connections", "32", "--warm", "0")))
    client.start()
    wait_for(lambda: bench.metric("tocsin_runs_active") < 100 and bench.metric(SUCCEEDED) >= ended + count * 0.99, 1200,
             "woken runs", every=0.05)
    woken, span = bench.metric(SUCCEEDED) - ended, time.monotonic() - begun
    client.join()
    bench.say("W4, runs woken by timers due at once", woken / span, "/s",
              f"{bench.spent_us(cpu) / max(woken, 1):.0f} us CPU each, {woken:,.0f} woken")
    bench.say("W4, RSS at most while they wake", bench.rss_peak_mb(), "MB")
    bench.say("W4, an event beside them, p99", beside["p99_ms"], "ms",
              f"p50 {beside['p50_ms']:.1f}; {beside['broken']} broken, answers {beside['status']}")


def list_times(bench, prefix, lists):
    for name, path in lists:
        times, status = [], 0
        for _ in range(5):
            begun = time.monotonic()
            status = bench.api("GET", path + ("&" if "?" in path else "?") + "limit=50")[0]
            times.append((time.monotonic() - begun) * 1e3)
        bench.say(f"{prefix}list of {name}, slowest of five", max(times), "ms",
                  "goal 50" if status == 200 else f"HTTP {status}")


def store(bench):
    count = 1_000_000 if bench.options.full else 100_000
    print(f"{count:,} events in the store")
    bench.start("store")
    begun = time.monotonic()
    bench.post_many("bulk", count, lambda n: json.dumps({"name": f"event {n}", "host": f"h{n}.example", "n": n}))
    bench.say("events stored in batches of 1,000", count / (time.monotonic() - begun), "/s")
    size = sum(f.stat().st_size for f in (bench.folder / "store").rglob("*") if f.is_file())
    bench.say("bytes on disk an event", size / count, "bytes")
    bench.stop()
    begun = time.monotonic()
    bench.start("store")
    wait_for(lambda: bench.api("GET", "/readyz")[0] == 200, 60, "the server")
    bench.say(f"start with {count:,} events", (time.monotonic() - begun) * 1e3, "ms", "goal 1000 for 1,000,000")
    list_times(bench, "", (
        ("alerts", "/api/v1/alerts"), ("alerts by status", "/api/v1/alerts?status=new"),
        ("alerts by severity", "/api/v1/alerts?severity=high"), ("alerts by source", "/api/v1/alerts?source=bulk"),
        ("events", "/api/v1/events"), ("events by fate", "/api/v1/events?fate=no_trigger"), ("runs", "/api/v1/runs"),
        ("tasks", "/api/v1/tasks?status=open"), ("cases", "/api/v1/cases")))
    bench.stop()


def commands(bench):
    print("commands without a server")
    playbooks = ROOT / "content/playbooks"
    cases = bench.folder / "cases"
    cases.mkdir()
    shutil.copy(playbooks / "ssh-brute-force.yaml", cases)
    head, body = (playbooks / "ssh-brute-force.test.yaml").read_text().split("cases:\n")
    body = body.replace("../../tests/samples", str(ROOT / "tests/samples"))
    count = body.count("\n  - name:") + body.startswith("  - name:")
    (cases / "ssh-brute-force.test.yaml").write_text(head + "cases:\n" + body * (1000 // count))
    begun = time.monotonic()
    done = subprocess.run([str(bench.bin), "test", str(cases)], stdout=subprocess.PIPE, text=True)
    bench.say(f"tocsin test, {done.stdout.splitlines()[-1]}", time.monotonic() - begun, "s", "goal 10")
    sample = json.dumps(json.loads((ROOT / "tests/samples/wazuh-sshd.json").read_text()))
    events = 50000 if bench.options.full else 10000
    (bench.folder / "events.ndjson").write_text((sample + "\n") * events)
    (bench.folder / "mocks.yaml").write_text(
        "abuseipdb.check_ip: { output: { score: 93, reports: 412, reporters: 87, is_public: true } }\n")
    begun = time.monotonic()
    subprocess.run([str(bench.bin), "backtest", str(playbooks / "ssh-brute-force.yaml"), "--events",
                    str(bench.folder / "events.ndjson"), "--source", "wazuh", "--mock", str(bench.folder / "mocks.yaml")],
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    bench.say("tocsin backtest", events / (time.monotonic() - begun), "runs/s", "goal 2,000")
