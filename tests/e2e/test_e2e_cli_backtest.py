#!/usr/bin/env python3
"""`tocsin backtest`: over files, over a server's history, and what cannot be run.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import json
import os
import pathlib
import urllib.request

import harness
from cli import EVENT, PLAYBOOK, ROOT, SCORE, Server, expect_in, tocsin, write_triage
from harness import expect


# ---- backtests ----

def write_history(folder, count=40):
    write_triage(folder)
    path = pathlib.Path(folder)
    (path / "new.yaml").write_text(PLAYBOOK.replace("score >= 80", "score >= 30"))
    (path / "mocks.yaml").write_text("abuseipdb.check_ip: " + SCORE % 40 + "\n")
    events = [dict(EVENT, severity="low" if number % 4 == 0 else "high") for number in range(count)]
    (path / "events.ndjson").write_text("".join(json.dumps(event) + "\n" for event in events))


def a_backtest_tells_what_would_be_decided_otherwise(folder):
    write_history(folder)
    arguments = ["backtest", "new.yaml", "--events", "events.ndjson", "--against", "triage.yaml", "--mock", "mocks.yaml"]
    status, out, err = tocsin(*arguments, folder=folder)
    expect((status, err), (0, ""), out)
    for part in ("40 events: 30 runs, 10 start nothing", "30 of 40 would decide otherwise",
                 "event 2  now contain nftables.block_ip {\"ip\":\"203.0.113.9\"", "not any more ask approve", "--all"):
        expect_in(part, out, "the difference")
    status, out, err = tocsin(*arguments, "--json", "--fail-on", "contain", folder=folder)
    report = json.loads(out)
    expect((status, report["runs"], report["changed"], len(report["changes"])), (1, 30, 30, 60), "as JSON")
    contain = [t for t in report["totals"] if t["kind"] == "contain"][0]
    expect((contain["before"], contain["now"], contain["added"], contain["removed"]), (0, 30, 30, 0), "containments")
    expect(tocsin(*arguments, "--fail-on", "notify,remediate", folder=folder)[0], 0, "other kinds did not change")
    same = ["backtest", "triage.yaml", "--events", "events.ndjson", "--against", "triage.yaml", "--mock", "mocks.yaml"]
    status, out, _ = tocsin(*same, "--fail-on", "contain", folder=folder)
    expect(status, 0, "the same playbook")
    expect_in("0 of 40 would decide otherwise", out, "the same playbook")
    status, out, _ = tocsin("backtest", "triage.yaml", "--events", "events.ndjson", "--json", folder=folder)
    report = json.loads(out)
    expect((report["compared"], report["unsure_runs"]), (0, 30), "nobody recorded answers")
    sample = json.loads((ROOT / "tests" / "samples" / "wazuh-sshd.json").read_text())
    pathlib.Path(folder, "same.json").write_text(json.dumps([sample] * 3))
    pathlib.Path(folder, "high.yaml").write_text("abuseipdb.check_ip: " + SCORE % 93 + "\n")
    status, out, _ = tocsin("backtest", str(ROOT / "content" / "playbooks" / "ssh-brute-force.yaml"), "--events", "same.json",
                            "--source", "wazuh", "--mock", "high.yaml", "--json", folder=folder)
    expect((status, json.loads(out)["runs"]), (0, 3), "each recorded event is one, dedup or not")


def a_backtest_over_the_servers_history(folder):
    playbook = PLAYBOOK.replace("do: abuseipdb.check_ip", "do: http.request").replace(
        "with: { ip: \"${{ inputs.ip }}\" }", "with: { method: GET, url: \"http://192.0.2.1/${{ inputs.ip }}\" }", 1).replace(
        "steps.look.output.score >= 80", "steps.look.output.status == 200").replace("timeout: 1h", "timeout: 1s", 1)
    path = pathlib.Path(folder, "triage.yaml")
    path.write_text(playbook)
    with Server(folder) as server:
        server.json("apply", str(path))
        for number in range(3):
            request = urllib.request.Request(server.url + "/api/v1/events/generic?wait=30s",
                                             json.dumps(dict(EVENT, title=f"Odd logins {number}")).encode(),
                                             {"Authorization": "Bearer " + server.token, "Content-Type": "application/json"})
            body = json.load(urllib.request.urlopen(request, timeout=60))
            expect(len(body["events"][0]["runs"]), 1, "a run of the event")
        status, out, _ = server.ask("backtest", str(path), "--since", "1h", "--fail-on", "contain,ask,status", "--json")
        report = json.loads(out)
        expect((status, report["compared"], report["changed"]), (0, 3, 0), out)
        changed = pathlib.Path(folder, "changed.yaml")
        changed.write_text(playbook.replace("steps.look.ok &&", "steps.look.ok == false ||"))
        saved = os.path.join(folder, "history.ndjson")
        status, out, err = server.ask("backtest", str(changed), "--since", "1h", "--save", saved, "--fail-on", "contain")
        expect(status, 1, err)
        expect_in("3 of 3 would decide otherwise", out, "the changed playbook: " + err)
        run_id = server.json("run", "list")["items"][-1]["id"]
        expect_in(run_id, out, "the run that it is about")
    status, out, err = tocsin("backtest", str(changed), "--events", saved, "--fail-on", "contain")
    expect((status, "3 of 3 would decide otherwise" in out), (1, True), "from what was saved: " + err)
    status, _, err = tocsin("backtest", str(changed), "--since", "1h", "--server", "http://127.0.0.1:1")
    expect(status, 1, "no server")


def backtests_that_cannot_run_say_why(folder):
    write_history(folder, 1)
    pathlib.Path(folder, "faulty.yaml").write_text(PLAYBOOK.replace("steps.look.ok", "steps.lok.ok"))
    pathlib.Path(folder, "bad.ndjson").write_text("{}\n{")
    cases = [
        (["new.yaml"], 2, "--events FILE or --since"),
        (["new.yaml", "--events", "events.ndjson", "--since", "1h"], 2, "--events FILE or --since"),
        (["--events", "events.ndjson"], 2, "one playbook"),
        (["new.yaml", "--events", "missing"], 2, "there is no file"),
        (["new.yaml", "--events", "bad.ndjson"], 2, "bad.ndjson:2:"),
        (["new.yaml", "--events", "events.ndjson", "--fail-on", "contian"], 2, "contain, remediate"),
        (["new.yaml", "--events", "events.ndjson", "--fail-on", "contain"], 2, "something to compare"),
        (["new.yaml", "--since", "yesterday"], 2, "30d"),
        (["new.yaml", "--events", "events.ndjson", "--save", "x"], 2, "--since"),
        (["faulty.yaml", "--events", "events.ndjson"], 1, "faulty.yaml:15:"),
    ]
    for arguments, wanted, text in cases:
        status, _, err = tocsin("backtest", *arguments, folder=folder)
        expect(status, wanted, f"{arguments}: {err}")
        expect_in(text, err, f"{arguments}")


TESTS = [a_backtest_tells_what_would_be_decided_otherwise, a_backtest_over_the_servers_history,
         backtests_that_cannot_run_say_why]


if __name__ == "__main__":
    harness.main(TESTS)
