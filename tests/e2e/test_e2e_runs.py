#!/usr/bin/env python3
"""Runs as their users see them: an event starts a playbook that calls a tool, decides, asks, contains and ends.

The last line is `N passed, N failed`.
"""
import hmac
import http.client
import json
import os
import pathlib
import re
import sqlite3
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Server, Tool, expect, main, until  # noqa: E402

LOOPBACK = "--egress-allow=127.0.0.1"


def event(**fields):
    return {"title": "a door was opened", "severity": "high", "src_ip": "203.0.113.7", **fields}


def lookup(url):
    return f"""
playbook: lookup
triggers: [ {{ alert: 'alert.source == "door"' }} ]
steps:
  - id: note
    set: {{ ip: "203.0.113.7", level: "${{{{ alert.severity_id }}}}" }}
  - if: vars.level >= severity.LOW
    then:
      - id: ask_tool
        do: http.request
        with: {{ method: GET, url: "{url}/score", query: {{ ip: "${{{{ vars.ip }}}}" }} }}
    else: []
  - return: {{ score: "${{{{ has(steps.ask_tool) ? steps.ask_tool.output.body.score : -1 }}}}" }}
"""


def an_event_starts_a_run_that_calls_a_tool(folder):
    tool = Tool(lambda *_: (200, {"score": 93}))
    server = Server(folder, LOOPBACK)
    server.publish(lookup(tool.url))
    accepted = server.post("/api/v1/events/door", event(), 202)
    expect((accepted["accepted"], accepted["events"][0]["fate"]), (1, "run"), "accepted")
    shown = server.run_until(accepted["events"][0]["runs"][0], "succeeded", "failed")
    expect((shown["status"], shown["output"]), ("succeeded", {"score": 93}), f"run {shown!r}")
    expect([c[:2] for c in tool.calls], [("GET", "/score?ip=203.0.113.7")], "calls")
    steps = {s["id"]: s for s in shown["steps"]}
    expect(steps["note"]["status"], "succeeded", "step")
    inner = {s["id"]: s for step in shown["steps"] for s in step.get("steps", [])}
    expect((inner["ask_tool"]["status"], inner["ask_tool"]["attempts"], inner["ask_tool"]["action"]),
           ("succeeded", 1, "http.request"), "inner step")
    shown_event = server.get("/api/v1/events/" + accepted["events"][0]["id"])
    expect((shown_event["fate"], shown_event["runs"]), ("run", [shown["id"]]), "ledger")
    metrics = server.get("/metrics").decode()
    for wanted in ['tocsin_runs_total{status="succeeded"} 1', 'tocsin_events_accepted_total{source="door"} 1',
                   'tocsin_step_seconds_count{action="http.request"} 1', "tocsin_run_seconds_count 1"]:
        expect(wanted in metrics, True, f"{wanted} in {metrics}")
    server.stop()
    tool.close()


def without_leave_no_call_reaches_loopback(folder):
    tool = Tool()
    server = Server(folder)
    server.publish(lookup(tool.url))
    run = server.post("/api/v1/events/door", event(), 202)["events"][0]["runs"][0]
    shown = server.run_until(run, "succeeded", "failed")
    expect((shown["status"], "egress" in json.dumps(shown["error"])), ("failed", True), f"run {shown!r}")
    expect(tool.calls, [], "calls")
    server.stop()
    tool.close()


def the_answer_waits_for_the_run_when_asked(folder):
    tool = Tool(lambda *_: (200, {"score": 7}))
    server = Server(folder, LOOPBACK)
    server.publish(lookup(tool.url))
    status, body, _ = server.call("POST", "/api/v1/events/door?wait=20s", event())
    expect(status, 202, "status")
    text = json.dumps(body)
    expect('"succeeded"' in text and '"score": 7' in text, True, text)
    server.stop()
    tool.close()


ASKING = """
playbook: asking
triggers: [ { alert: 'alert.source == "door"' }, { manual: true } ]
steps:
  - id: question
    ask: { title: "Close the door of ${{ alert.id }}?", options: [ close, leave ], timeout: 1h, on_timeout: leave }
  - return: { said: "${{ steps.question.output.choice }}" }
"""


def open_task(server):
    items = until(lambda: server.get("/api/v1/tasks?status=open")["items"], "an open task")
    expect(len(items), 1, "open tasks")
    return items[0]


def a_person_answers_once_even_after_a_crash(folder):
    server = Server(folder)
    server.publish(ASKING)
    run = server.post("/api/v1/events/door", event(), 202)["events"][0]["runs"][0]
    task = open_task(server)
    expect((task["run_id"], task["options"]), (run, ["close", "leave"]), "task")
    server.kill()
    server = Server(folder)
    expect(server.run(run)["status"], "waiting", "after the crash")
    wrong = server.call("POST", f"/api/v1/tasks/{task['id']}/answer", {"choice": "burn"})
    expect(wrong[0], 400, f"a choice that is not offered: {wrong[1]!r}")
    server.post(f"/api/v1/tasks/{task['id']}/answer", {"choice": "close"})
    server.kill()
    server = Server(folder)
    shown = server.run_until(run, "succeeded", "failed")
    expect(shown["output"], {"said": "close"}, "output")
    again = server.call("POST", f"/api/v1/tasks/{task['id']}/answer", {"choice": "leave"})
    expect(again[0], 409, f"the second answer: {again[1]!r}")
    actions = [row["action"] for row in server.get("/api/v1/audit")["items"]]
    expect(actions.count("task.answer"), 1, f"audit {actions}")
    expect(server.get("/api/v1/audit/verify")["good"], True, "audit chain")
    server.stop()


def a_run_is_started_by_hand_over_an_alert(folder):
    server = Server(folder)
    server.publish(ASKING.replace('{ alert: \'alert.source == "door"\' }, ', ""))
    alert = server.post("/api/v1/events/door", event(), 202)["events"][0]
    expect(alert["fate"], "no_trigger", "fate")
    run = server.post("/api/v1/runs", {"playbook": "asking", "alert_id": alert["alert_id"]}, 201)["id"]
    expect(open_task(server)["title"], f"Close the door of {alert['alert_id']}?", "title")
    expect(server.run(run)["alert_id"], alert["alert_id"], "alert of the run")
    missing = server.call("POST", "/api/v1/runs", {"playbook": "asking", "alert_id": "01ARZ3NDEKTSV4RRFFQ69G5FAV"})
    expect(missing[0], 404, "an alert that is not there")
    expect(server.call("POST", "/api/v1/runs", {"playbook": "nobody"})[0], 404, "a playbook that is not there")
    server.stop()


def a_run_is_cancelled_and_retried(folder):
    server = Server(folder)
    server.publish(ASKING)
    run = server.post("/api/v1/events/door", event(), 202)["events"][0]["runs"][0]
    task = open_task(server)
    server.post(f"/api/v1/runs/{run}/cancel", {"reason": "a drill"}, 202)
    shown = server.run_until(run, "cancelled")
    expect("a drill" in json.dumps(shown["error"]), True, f"reason in {shown!r}")
    expect(server.get("/api/v1/tasks/" + task["id"])["status"] != "open", True, "its task")
    status, retried, _ = server.call("POST", f"/api/v1/runs/{run}/retry", {})
    expect(status, 202, f"retry {retried!r}")
    task = open_task(server)
    server.post(f"/api/v1/tasks/{task['id']}/answer", {"choice": "leave"})
    expect(server.run_until(task["run_id"], "succeeded", "failed")["output"], {"said": "leave"}, "output")
    server.stop()


GATE = """
connector: gate
title: Gate
description: A gate that can be shut.
settings:
  url: { type: string }
base_url: "${{ settings.url }}"
test: { action: state }
actions:
  state:
    summary: Whether the gate answers
    kind: query
    idempotent: true
    in: {}
    out: { ok: { type: bool } }
    request: { path: /state }
    answer: { ok: "${{ body.ok }}" }
  shut:
    summary: Shuts the gate
    kind: contain
    idempotent: true
    in: { name: { type: string } }
    out: { ok: { type: bool } }
    request: { method: POST, path: /shut, json: { name: "${{ inputs.name }}" } }
    answer: { ok: "${{ body.ok }}" }
    undo: { action: open }
  open:
    summary: Opens the gate
    kind: remediate
    idempotent: true
    in: { name: { type: string } }
    out: { ok: { type: bool } }
    request: { method: POST, path: /open, json: { name: "${{ inputs.name }}" } }
    answer: { ok: "${{ body.ok }}" }
"""


def shutting(lease):
    return f"""
playbook: shutting
triggers: [ {{ alert: 'alert.source == "door"' }} ]
steps:
  - id: shut
    do: gate.shut
    with: {{ name: west }}
    for: {lease}
"""


def with_gate(folder, tool):
    content = os.path.join(folder, "content")
    os.makedirs(content, exist_ok=True)
    with open(os.path.join(content, "gate.yaml"), "w") as file:
        file.write(GATE)
    server = Server(folder, LOOPBACK, "--content", content)
    status, body, _ = server.call("PUT", "/api/v1/connections/gate",
                                  {"connector": "gate", "settings": {"url": tool.url}, "is_default": True})
    expect(status, 200, f"connection {body!r}\n{server.log()}")
    return server


def a_containment_ends_by_itself_even_after_a_crash(folder):
    tool = Tool()
    server = with_gate(folder, tool)
    server.publish(shutting("2s"))
    run = server.post("/api/v1/events/door", event(), 202)["events"][0]["runs"][0]
    server.run_until(run, "succeeded")
    expect([c[1] for c in tool.calls], ["/shut"], "calls")
    leases = server.get("/api/v1/containments")["items"]
    expect([(x["status"], x["run_id"]) for x in leases], [("active", run)], "containments")
    server.kill()
    server = with_gate(folder, tool)
    until(lambda: [c[1] for c in tool.calls] == ["/shut", "/open"], f"the undo; {tool.calls} {server.log()}")
    until(lambda: server.get("/api/v1/containments")["items"][0]["status"] == "ended", "the lease's end")
    expect(json.loads(tool.calls[1][2]), {"name": "west"}, "the undo's parameters")
    server.stop()
    tool.close()


def a_connection_is_tried(folder):
    tool = Tool(lambda method, path, body: (200, {"ok": True}) if path == "/state" else (500, {}))
    server = with_gate(folder, tool)
    expect(server.post("/api/v1/connections/gate/test", {}), {"ok": True}, "a good one")
    tool.answer = lambda *_: (401, {})
    tried = server.post("/api/v1/connections/gate/test", {})
    expect((tried["ok"], tried["error"]["code"]), (False, "http_401"), "one without leave")
    expect(server.call("POST", "/api/v1/connections/nobody/test", {})[0], 404, "one that is not there")
    expect(server.get("/api/v1/connections/gate")["connector"], "gate", "shown")
    server.stop()
    tool.close()


def a_containment_is_undone_by_hand_once(folder):
    tool = Tool()
    server = with_gate(folder, tool)
    server.publish(shutting("24h"))
    run = server.post("/api/v1/events/door", event(), 202)["events"][0]["runs"][0]
    server.run_until(run, "succeeded")
    lease = server.get("/api/v1/containments")["items"][0]["id"]
    server.post(f"/api/v1/containments/{lease}/undo", {}, 202)
    until(lambda: server.get("/api/v1/containments")["items"][0]["status"] == "ended", "the lease's end")
    again = server.call("POST", f"/api/v1/containments/{lease}/undo", {})
    expect(again[0], 409, f"the second undo {again[1]!r}")
    expect([c[1] for c in tool.calls], ["/shut", "/open"], "calls")
    server.stop()
    tool.close()


def a_playbook_is_checked_before_it_is_live(folder):
    server = Server(folder)
    path = "/api/v1/playbooks/asking"
    status, body, headers = server.call("PUT", path, {"source": ASKING.replace("timeout: 1h", "timeout: soon")})
    expect((status, headers["Content-Type"]), (422, "application/problem+json"), f"errors {body!r}")
    expect({"line", "column", "code", "text", "level"} <= set(body["diagnostics"][0]), True, "a fault's place")
    expect(server.call("GET", path)[0], 404, "nothing was published")
    status, body, _ = server.call("PUT", path, {"source": ASKING, "dry_run": True})
    expect((status, body["version"]), (200, None), "dry run")
    expect(server.call("GET", path)[0], 404, "nothing was published")
    expect(server.call("PUT", path + "-more", {"source": ASKING})[0], 409, "another name")
    expect(server.call("PUT", path, {"source": ASKING})[1]["version"], 1, "first version")
    expect(server.call("PUT", path, {"source": ASKING})[1]["version"], 1, "the same text")
    expect(server.call("PUT", path, {"source": ASKING + "\n"})[1]["version"], 2, "another text")
    expect(server.get(path)["source"], ASKING + "\n", "source")
    expect(server.call("PATCH", path, {"enabled": False})[0], 200, "off")
    expect(server.post("/api/v1/events/door", event(), 202)["events"][0]["fate"], "no_trigger", "while off")
    expect(server.call("PATCH", path, {"enabled": True})[0], 200, "on")
    expect(server.post("/api/v1/events/door", event(title="b"), 202)["events"][0]["fate"], "run", "while on")
    server.stop()


def a_waiting_run_keeps_its_version(folder):
    server = Server(folder)
    server.publish(ASKING)
    run = server.post("/api/v1/events/door", event(), 202)["events"][0]["runs"][0]
    task = open_task(server)
    server.publish(ASKING.replace("said:", "heard:"))
    server.kill()
    server = Server(folder)
    server.post(f"/api/v1/tasks/{task['id']}/answer", {"choice": "leave"})
    shown = server.run_until(run, "succeeded", "failed")
    expect((shown["version"], shown["output"]), (1, {"said": "leave"}), "the old version")
    server.stop()


def a_saved_playbook_is_live(folder):
    content = os.path.join(folder, "content")
    os.makedirs(content)
    server = Server(folder, "--content", content)
    file = os.path.join(content, "asking.yaml")
    with open(file, "w") as out:
        out.write(ASKING)
    until(lambda: server.call("GET", "/api/v1/playbooks/asking")[0] == 200, "the playbook")
    with open(file, "w") as out:
        out.write(ASKING.replace("steps:", "stepps:"))
    until(lambda: "stepps" in server.log(), "the fault in the log")
    expect(f"{file}:" in server.log(), True, "its place")
    expect(server.get("/api/v1/playbooks/asking")["version"], 1, "what stood before stays")
    server.stop()


CONNECTOR = """connector: {name}
title: A tool
base_url: https://api.example.com
actions:
  {action}:
    summary: Looks
    kind: query
    request: {{ path: /things }}
    out: {{ name: string }}
    answer: {{ name: "${{{{ body.name }}}}" }}
"""
SOURCE = "source: {name}\ntitle: A source\nmapping: {{ finding_info.title: event.title }}\n"


def one_faulty_file_leaves_the_others_alone(folder):
    content = pathlib.Path(folder) / "content"
    content.mkdir()

    def write(name, text):
        (content / name).write_text(text)
    write("good.yaml", CONNECTOR.format(name="good", action="look"))
    write("bad.yaml", CONNECTOR.format(name="bad", action="look").replace("kind: query", "kind: qwery"))
    write("gate.yaml", SOURCE.format(name="gate"))
    write("ditch.yaml", SOURCE.format(name="ditch").replace("mapping", "maping"))
    server = Server(folder, "--content", str(content))

    def there():
        connectors, sources = ({row["name"] for row in server.get("/api/v1/" + kind)["items"]}
                               for kind in ("connectors", "sources"))
        return sorted(connectors & {"good", "bad"}), sorted(sources & {"gate", "ditch"})

    def actions():
        return [row["name"] for row in server.get("/api/v1/connectors/good")["actions"]]
    expect(there(), (["good"], ["gate"]), "what is there")
    for name in ("bad.yaml", "ditch.yaml"):
        expect("a faulty file of content is left out" in server.log() and f"{content / name}:" in server.log(), True,
               f"{name} is told: {server.log()}")
    expect(f"{content / 'good.yaml'}:" in server.log(), False, "nothing of the good one")
    # A fault in one file neither takes its connector away nor keeps another change from counting.
    write("good.yaml", "connector: [")
    write("ditch.yaml", SOURCE.format(name="ditch"))
    until(lambda: there() == (["good"], ["ditch", "gate"]), "the mended source")
    expect((actions(), "counts as it was before" in server.log()), (["good.look"], True), server.log())
    write("good.yaml", CONNECTOR.format(name="good", action="see"))
    write("bad.yaml", CONNECTOR.format(name="bad", action="look"))
    until(lambda: there() == (["bad", "good"], ["ditch", "gate"]), "the mended connectors")
    expect(actions(), ["good.see"], "the new action")
    server.stop()


def the_stream_tells_of_runs_steps_and_tasks(folder):
    server = Server(folder)
    server.publish(ASKING)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request("GET", "/api/v1/stream", headers={"Authorization": "Bearer " + server.token})
    answer = connection.getresponse()
    while answer.readline().strip():  # the stream begins by saying where it stands
        pass
    run = server.post("/api/v1/events/door", event(), 202)["events"][0]["runs"][0]
    task = open_task(server)
    server.post(f"/api/v1/tasks/{task['id']}/answer", {"choice": "leave"})
    seen = []
    while ("run", "succeeded") not in seen:
        line = answer.readline().decode()
        if line == "":
            raise AssertionError(f"the stream ended after {seen}")
        if line.startswith("event: "):
            topic = line[7:].strip()
        if line.startswith("data: "):
            data = json.loads(line[6:])
            data = data.get("data", data)
            seen.append((topic, data.get("status")))
            seen += [("step", step["status"]) for step in data.get("steps", []) if topic == "run"]
    for wanted in [("run", "waiting"), ("task", "open"), ("task", "answered"), ("step", "succeeded")]:
        expect(wanted in seen, True, f"{wanted} in {seen} of {run}")
    connection.close()
    server.stop()


def a_stop_right_after_the_start_is_heard(folder):
    for _ in range(25):
        Server(folder).stop()


def the_anchor_in_the_log_is_the_rows(folder):
    server = Server(folder)
    server.post("/api/v1/cases", {"title": "one"}, 201)
    server.stop()
    seq, digest = re.findall(r"the audit chain is anchored seq=(\d+) hash=\"?([0-9a-f]{64})", server.log())[-1]
    connection = sqlite3.connect(os.path.join(folder, "data", "tocsin.db"))
    rows = connection.execute("SELECT lower(hex(hash)) FROM access_audit WHERE seq = ?", (seq,)).fetchall()
    connection.close()
    expect(rows, [(digest,)], "the row of the anchor")


def the_same_key_is_done_once(folder):
    server = Server(folder)
    server.publish(ASKING)

    def send(method, path, body, key):
        status, answer, _ = server.call(method, path, body, headers={"Idempotency-Key": key})
        return status, answer
    first = send("POST", "/api/v1/cases", {"title": "one"}, "a")
    expect((first[0], send("POST", "/api/v1/cases", {"title": "one"}, "a")), (201, first), "a case")
    expect(len(server.get("/api/v1/cases")["items"]), 1, "cases")
    expect(send("POST", "/api/v1/cases", {"title": "two"}, "a")[0], 422, "the key for something else")
    run = send("POST", "/api/v1/runs", {"playbook": "asking"}, "b")
    expect(run[0], 201, f"a run {run!r}")
    server.kill()
    server = Server(folder)
    expect(send("POST", "/api/v1/runs", {"playbook": "asking"}, "b"), run, "the run, after a crash")
    accepted = send("POST", "/api/v1/events/door", event(), "c")
    expect(send("POST", "/api/v1/events/door", event(), "c"), accepted, "an event")
    expect(len(server.get("/api/v1/runs")["items"]), 2, "runs")
    refused = send("POST", "/api/v1/cases", {"titel": "three"}, "d")
    expect((refused[0], send("POST", "/api/v1/cases", {"titel": "three"}, "d")), (400, refused), "a refusal")
    made = send("POST", "/api/v1/tokens", {"name": "t", "scopes": "runs:read"}, "e")
    again = send("POST", "/api/v1/tokens", {"name": "t", "scopes": "runs:read"}, "e")
    expect((made[0], again[0], "toc_" in json.dumps(again[1])), (201, 409, False), f"a token {again!r}")
    expect(send("POST", "/api/v1/cases", {"title": "x"}, "k" * 256)[0], 400, "a key without end")
    server.stop()


def an_edit_over_anothers_is_refused(folder):
    server = Server(folder)
    status, case, headers = server.call("POST", "/api/v1/cases", {"title": "one"})
    expect((status, headers["ETag"]), (201, '"1"'), "made")
    path = "/api/v1/cases/" + case["id"]
    edited = server.call("PATCH", path, {"title": "two"}, headers={"If-Match": '"1"'})
    expect((edited[0], edited[2]["ETag"]), (200, '"2"'), "edited")
    expect(server.call("PATCH", path, {"title": "three"}, headers={"If-Match": '"1"'})[0], 412, "over it")
    expect(server.call("PATCH", path, {"title": "three"}, headers={"If-Match": "1"})[0], 400, "no ETag")
    expect(server.get(path)["title"], "two", "title")
    server.stop()


HOOKED = """
playbook: hooked
triggers: [ { webhook: { path: knock, secret: knock } } ]
steps:
  - return: { said: "${{ event.word }}" }
"""


def a_webhook_starts_its_playbook(folder):
    server = Server(folder)
    server.publish(HOOKED)
    secret = "a-secret-of-the-sender"
    expect(server.call("PUT", "/api/v1/secrets/knock", {"value": secret})[0], 200, "secret")

    def knock(headers, path="/hooks/knock?wait=20s", body=b'{"word":"hello"}'):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
        connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    status, body = knock({"X-Tocsin-Token": secret})
    expect((status, body["events"][0]["results"][0]["output"]), (202, {"said": "hello"}), f"by secret {body!r}")
    digest = hmac.new(secret.encode(), b'{"word":"hello"}', "sha256").hexdigest()
    expect(knock({"X-Hub-Signature-256": "sha256=" + digest})[0], 202, "by signature")
    expect(knock({"X-Hub-Signature-256": "sha256=" + digest}, body=b'{"word":"other"}')[0], 401, "another body")
    expect(knock({"Authorization": "Bearer " + server.token})[0], 202, "by token")
    for headers in ({}, {"X-Tocsin-Token": ""}, {"X-Tocsin-Token": secret + "x"}):
        expect(knock(headers)[0], 401, f"with {headers}")
    expect(knock({"Authorization": "Bearer " + server.token}, "/hooks/nobody")[0], 404, "a path that nobody has")
    expect(knock({"X-Tocsin-Token": secret}, "/hooks/nobody")[0], 401, "nothing is told of it")
    expect(len(server.get("/api/v1/events?source=webhook")["items"]), 3, "ledger")
    expect(server.get("/api/v1/audit/events")["faults"], [], "faults of the ledger")
    expect(server.get("/api/v1/alerts")["items"], [], "alerts")
    server.stop()


READERS = """
playbook: readers
triggers: [ { manual: true } ]
steps:
  - id: ask
    do: http.request
    with: { method: GET, url: "https://tool.example.com/" }
  - set: { names: "${{ steps.ask.output.body.hosts[*].name.join(', ') }}" }
  - set: { sizes: "${{ steps.ask.output.body.hosts[*].?size }}" }
  - return: "${{ [vars.names, vars.sizes] }}"
"""


def a_drift_of_answers_is_an_alert(folder):
    answer = {"score": 5, "hosts": [{"name": "a"}], "state": "open"}
    tool = Tool(lambda *_: (200, answer))
    server = Server(folder, LOOPBACK)
    server.publish(lookup(tool.url))
    server.publish(READERS)

    def ask(count, wanted="succeeded"):
        body = [event(title=f"{tool} {i} {len(tool.calls)}") for i in range(count)]
        for accepted in server.post("/api/v1/events/door?wait=30s", body, 202)["events"]:
            expect(accepted["results"][0]["status"], wanted, "run")
    ask(40)
    shape = server.get("/api/v1/connectors/http/contracts")["items"][0]
    expect((shape["playbook"], shape["step"], shape["shape"]["fields"]["score"]["types"]),
           ("lookup", "ask_tool", {"int": 40}), "what was learned")
    wrong = lookup(tool.url).replace("ask_tool.output.body.score :", "ask_tool.output.body.score.startsWith('9') :")
    status, body, _ = server.call("PUT", "/api/v1/playbooks/lookup", {"source": wrong, "dry_run": True})
    expect((status, "int" in json.dumps(body)), (422, True), f"a check against what was learned {body!r}")
    server.stop()
    server = Server(folder, LOOPBACK)
    expect(server.get("/api/v1/connectors/http/contracts")["items"][0]["shape"]["seen"], 40, "kept over a restart")
    answer["score"] = "5"
    answer["hosts"] = [{}]
    ask(3)
    alerts = until(lambda: [a for a in server.get("/api/v1/alerts")["items"] if a["source"] == "tocsin"][1:] and
                   server.get("/api/v1/alerts?source=tocsin")["items"], "alerts")
    found = {a["unmapped"]["field"]: a for a in alerts}
    expect(sorted(found), ["body.hosts[].name", "body.score"], "fields")
    score = found["body.score"]
    expect((score["severity"], score["unmapped"]["before"], score["unmapped"]["now"]),
           ("High", "int, in 40 of 40 answers", "string"), f"alert {score!r}")
    expect([(r["playbook"], r["line"]) for r in score["unmapped"]["readers"]], [("lookup", 13)], "who reads it")
    readers = found["body.hosts[].name"]["unmapped"]["readers"]
    expect([(r["playbook"], r["line"]) for r in readers], [("readers", 8)], "who reads it over the list")
    expect(score["count"], 1, "told once")
    server.stop()
    tool.close()


def what_is_old_is_forgotten(folder):
    tool = Tool(lambda *_: (200, {"score": 1}))
    server = Server(folder, LOOPBACK)
    server.publish(lookup(tool.url))
    for i in range(3):
        server.post("/api/v1/events/door?wait=20s", event(title=f"old {i}"), 202)
    server.stop()
    connection = sqlite3.connect(os.path.join(folder, "data", "tocsin.db"))
    for table, column in (("ingest_events", "received"), ("engine_runs", "created"), ("engine_runs", "ended")):
        connection.execute(f"UPDATE {table} SET {column} = {column} - 7200000000")
    connection.commit()
    connection.close()
    server = Server(folder, LOOPBACK, "--retention-events", "1h", "--retention-runs", "1h")
    new = server.post("/api/v1/events/door?wait=20s", event(title="new"), 202)["events"][0]
    until(lambda: len(server.get("/api/v1/events")["items"]) == 1 and len(server.get("/api/v1/runs")["items"]) == 1,
          "what is old is gone", 40)
    expect(server.get("/api/v1/runs")["items"][0]["id"], new["runs"][0], "the new run")
    expect(server.run(new["runs"][0])["status"], "succeeded", "the new run")
    expect(len(server.get("/api/v1/alerts")["items"]), 4, "alerts stay")
    server.stop()
    connection = sqlite3.connect(os.path.join(folder, "data", "tocsin.db"))
    for table in ("ingest_raw", "ingest_events", "engine_runs"):
        expect(connection.execute(f"SELECT count(*) FROM {table}").fetchone(), (1,), table)
    expect(connection.execute("SELECT count(DISTINCT key >> 17) FROM engine_journal").fetchone(), (1,), "journal")
    connection.close()
    tool.close()


def a_trusted_proxy_says_who_asks(folder):
    for trusted, wanted in (((), "127.0.0.1"), (("--trusted-proxy", "127.0.0.1"), "203.0.113.5")):
        server = Server(folder, *trusted)
        server.call("POST", "/api/v1/cases", {"title": "one"},
                    headers={"X-Forwarded-For": "198.51.100.1, 203.0.113.5, 127.0.0.1"})
        remote = server.get("/api/v1/audit?action=case.open")["items"][0]["remote"]
        expect(remote.startswith(wanted), True, f"{remote} with {trusted}")
        server.stop()


def settings_come_from_the_file_the_environment_and_options(folder):
    config = os.path.join(folder, "tocsin.yaml")
    with open(config, "w") as file:
        file.write("log: { format: json }\negress:\n  allow: [ 127.0.0.1 ]\ningest: { body_max: 2000 }\n")
    server = Server(folder, "--config", config, env={"TOCSIN_INGEST_BODY_MAX": "1000"})
    expect(server.call("POST", "/api/v1/events/door", event(text="x" * 1000))[0], 413, "the variable wins")
    server.stop()
    server = Server(folder, "--config", config, "--ingest-body-max", "3000", env={"TOCSIN_INGEST_BODY_MAX": "1000"})
    expect(server.call("POST", "/api/v1/events/door", event(text="x" * 1000))[0], 202, "the option wins")
    server.stop()
    with open(config, "a") as file:
        file.write("lisen: 127.0.0.1:1\n")
    try:
        Server(folder, "--config", config)
        raise AssertionError("an unknown key was taken")
    except AssertionError as error:
        expect('tocsin.yaml:5:1: "lisen" is no setting; did you mean "listen"?' in str(error), True, str(error))


main([an_event_starts_a_run_that_calls_a_tool, without_leave_no_call_reaches_loopback,
      the_answer_waits_for_the_run_when_asked, a_person_answers_once_even_after_a_crash,
      a_run_is_started_by_hand_over_an_alert, a_run_is_cancelled_and_retried,
      a_containment_ends_by_itself_even_after_a_crash, a_containment_is_undone_by_hand_once,
      a_connection_is_tried,
      a_playbook_is_checked_before_it_is_live, a_waiting_run_keeps_its_version, a_saved_playbook_is_live,
         one_faulty_file_leaves_the_others_alone,
      the_stream_tells_of_runs_steps_and_tasks, a_stop_right_after_the_start_is_heard, the_anchor_in_the_log_is_the_rows,
      the_same_key_is_done_once, an_edit_over_anothers_is_refused,
      what_is_old_is_forgotten, a_trusted_proxy_says_who_asks, a_webhook_starts_its_playbook, a_drift_of_answers_is_an_alert, settings_come_from_the_file_the_environment_and_options])
