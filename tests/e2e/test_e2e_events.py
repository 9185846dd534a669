#!/usr/bin/env python3
"""Events at the door: what is accepted, what is refused and how, signatures, the rate, ?wait=.

The last line is `N passed, N failed`.
"""
import hashlib
import hmac
import http.client
import json
import os
import sqlite3
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from harness import BIN, Server, expect, main, until  # noqa: E402


def stored(server):
    return len(server.get("/api/v1/events?limit=1000")["items"])


def every_form_of_a_body(folder):
    server = Server(folder)
    cases = [
        ("application/json", '{"a":1}', 1),
        ("application/json", '[{"a":1},2,"x",null]', 4),
        ("application/json", "[]", 0),
        ("application/x-ndjson", '{"a":1}\n{"a":2}\n', 2),
        ("text/plain", "<13>one line", 1),
        ("application/octet-stream", b"\xff\x00\x01", 1),
    ]
    total = 0
    for kind, body, count in cases:
        status, answer, _ = server.call("POST", "/api/v1/events/door", body, headers={"Content-Type": kind})
        expect((status, answer["accepted"], len(answer["events"])), (202, count, count), f"{kind} {body!r}")
        total += count
        for event in answer["events"]:
            expect(sorted(event), ["alert_id", "fate", "id", "runs"], "the answer's event")
            shown = server.get("/api/v1/events/" + event["id"])
            expect(shown["fate"], "no_trigger", "fate")
            expect(shown["alert"]["id"], event["alert_id"], "alert")
    expect(stored(server), total, "events in the ledger")
    server.stop()


def what_is_refused_leaves_nothing_and_the_connection_good(folder):
    server = Server(folder, "--config", config(folder, "ingest: { body_max: 100000 }\n"))
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    token = {"Authorization": "Bearer " + server.token}
    as_json = {**token, "Content-Type": "application/json"}
    cases = [
        (as_json, '{"a":\n1,}', 400, "json_", 2),
        (as_json, '[{"a":1},\n\n{"a":}]', 400, "json_", 3),
        (as_json, "", 400, "body_empty", None),
        (as_json, "[" * 2000, 400, "json_depth", 1),
        ({**token, "Content-Type": "application/x-ndjson"}, '{}\n{}\n{"a"}\n', 400, "json_", 3),
        ({"Content-Type": "application/json"}, "{}", 401, "token", None),
        ({"Authorization": "Bearer toc_" + "A" * 43}, "{}", 401, "token", None),
        ({"Authorization": "Basic YTpi"}, "{}", 401, "token", None),
    ]
    for headers, body, status, code, line in cases:
        connection.request("POST", "/api/v1/events/door", body, headers)
        answer = connection.getresponse()
        problem = json.loads(answer.read())
        what = f"{body[:20]!r}: {problem}"
        expect((answer.status, problem["status"]), (status, status), what)
        expect(answer.headers["Content-Type"], "application/problem+json", what)
        expect(problem["code"].startswith(code), True, what)
        expect(problem.get("line"), line, what)
    # A type that the source does not list.
    connection.request("POST", "/api/v1/events/github", "a,b", {**token, "Content-Type": "text/csv"})
    answer = connection.getresponse()
    expect((answer.status, json.loads(answer.read())["code"]), (415, "content_type"), "415")
    # The same connection still takes a good one.
    connection.request("POST", "/api/v1/events/door", '{"a":1}', as_json)
    answer = connection.getresponse()
    answer.read()
    expect(answer.status, 202, "after all that")
    connection.close()
    status, problem, _ = server.call("POST", "/api/v1/events/door", b"[" + b"1," * 100000 + b"1]")
    expect(status, 413, f"too large {problem!r}")
    expect(stored(server), 1, "events in the ledger")
    server.stop()


def a_body_may_be_8_mib(folder):
    server = Server(folder)
    event = json.dumps({"title": "one of many", "text": "x" * 4000})
    body = "\n".join([event] * ((8 << 20) // (len(event) + 1)))
    status, answer, _ = server.call("POST", "/api/v1/events/door", body, headers={"Content-Type": "application/x-ndjson"})
    expect((status, answer["accepted"]), (202, body.count("\n") + 1), "just under")
    expect(server.call("POST", "/api/v1/events/door", body + " " * 5000)[0], 413, "just above")
    expect(server.call("GET", "/healthz")[0], 200, "health")
    server.stop()


def config(folder, text):
    path = os.path.join(folder, "config.yaml")
    with open(path, "w") as file:
        file.write(text)
    return path


def a_key_makes_sending_again_safe(folder):
    server = Server(folder)
    headers = {"Idempotency-Key": "batch-7"}
    first = server.call("POST", "/api/v1/events/door", [1, 2], headers=headers)
    again = server.call("POST", "/api/v1/events/door", [1, 2], headers=headers)
    expect((first[0], again[0], again[1]), (202, 202, first[1]), "the same answer")
    expect(stored(server), 2, "events in the ledger")
    expect(server.call("POST", "/api/v1/events/door", [3], headers=headers)[0], 422, "another body")
    server.stop()


def a_token_may_only_send_to_its_source(folder):
    server = Server(folder)
    made = server.post("/api/v1/tokens", {"name": "wazuh", "scopes": "ingest:wazuh"}, 201)["token"]
    expect(server.call("POST", "/api/v1/events/wazuh", {"a": 1}, made)[0], 202, "its source")
    expect(server.call("POST", "/api/v1/events/falco", {"a": 1}, made)[0], 403, "another's")
    expect(server.call("GET", "/api/v1/events", token=made)[0], 403, "reading")
    server.stop()


def repeats_are_merged(folder):
    server = Server(folder)
    with open(os.path.join(HERE, "..", "samples", "wazuh-sshd.json")) as file:
        alert = json.load(file)
    first = server.post("/api/v1/events/wazuh", alert, 202)["events"][0]
    alert["id"] = "another"
    again = server.post("/api/v1/events/wazuh", [alert, alert], 202)["events"]
    expect([e["fate"] for e in again], ["merged", "merged"], "fates")
    expect({e["alert_id"] for e in again}, {first["alert_id"]}, "alert")
    expect(server.get("/api/v1/alerts/" + first["alert_id"])["count"], 3, "count")
    expect(len(server.get("/api/v1/events?alert_id=" + first["alert_id"])["items"]), 3, "its events")
    expect(len(server.get("/api/v1/events?fate=merged&source=wazuh")["items"]), 2, "merged ones")
    server.stop()


def signed_webhooks_need_no_token(folder):
    server = Server(folder)
    body = json.dumps({"action": "created", "alert": {"id": 1, "severity": "high"}, "sender": {"login": "cleo"}})

    def post(signature, text=body):
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"Content-Type": "application/json"}
        if signature:
            headers["X-Hub-Signature-256"] = signature
        connection.request("POST", "/api/v1/events/github", text, headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    def sign(secret, text=body):
        return "sha256=" + hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()

    expect(post(sign("s" * 20))[0], 401, "before the secret is set")
    expect(server.call("PUT", "/api/v1/secrets/github-webhook", {"value": "s" * 20})[0], 200, "set")
    status, answer = post(sign("s" * 20))
    expect((status, answer["accepted"]), (202, 1), "signed")
    expect(server.get("/api/v1/alerts/" + answer["events"][0]["alert_id"])["severity"], "High", "severity")
    for wrong in (None, "", "sha256=00", sign("another"), sign("s" * 20, body + " ")):
        status, problem = post(wrong)
        expect((status, problem["code"]), (401, "signature"), f"{wrong}")
    expect(server.call("POST", "/api/v1/events/door", body, token="none")[0], 401, "a source without a scheme")
    # Nobody who has proved nothing leaves a trace, not even a key's.
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/api/v1/events/github", body,
                       {"Content-Type": "application/json", "Idempotency-Key": "k1", "X-Hub-Signature-256": "sha256=00"})
    answer = connection.getresponse()
    answer.read()
    expect(answer.status, 401, "with a key")
    rows = sqlite3.connect(os.path.join(folder, "data", "tocsin.db")).execute("SELECT count(*) FROM api_answers")
    expect(rows.fetchone()[0], 0, "keys")
    expect(stored(server), 1, "events in the ledger")
    metrics = server.get("/metrics").decode()
    expect('tocsin_events_rejected_total{reason="signature"} 7' in metrics, True, metrics)
    server.stop()


def suppressed_alerts_start_nothing(folder):
    server = Server(folder)
    server.publish(ENDS)
    rule = {"name": "scanner", "when": "alert.src_endpoint.ip == '198.51.100.9'", "reason": "our own scanner",
            "expires_in": "7d", "source": "door"}
    made = server.post("/api/v1/policies", rule, 201)
    expect((made["owner"] != "", made["state"], made["kind"]), (True, "active", "suppression"), "made")
    noise = {"title": "a scan", "src_ip": "198.51.100.9", "who": "nobody"}
    hit = server.post("/api/v1/events/door", noise, 202)["events"][0]
    expect((hit["fate"], hit["runs"]), ("suppressed", []), "suppressed")
    expect(server.get("/api/v1/events/" + hit["id"])["fate_detail"], "scanner", "by which rule")
    expect(server.get("/api/v1/alerts/" + hit["alert_id"])["status"], "Suppressed", "its alert")
    expect(server.post("/api/v1/events/door", {**noise, "src_ip": "203.0.113.4"}, 202)["events"][0]["fate"], "run",
           "another address")
    server.kill()
    server = Server(folder)
    expect(server.post("/api/v1/events/door", noise, 202)["events"][0]["fate"], "suppressed", "after kill -9")
    expect(server.call("DELETE", "/api/v1/policies/" + made["id"])[0], 200, "end")
    expect(server.call("DELETE", "/api/v1/policies/" + made["id"])[0], 409, "end again")
    expect(server.post("/api/v1/events/door", noise, 202)["events"][0]["fate"], "run", "after its end")
    expect([p["state"] for p in server.get("/api/v1/policies")["items"]], ["ended"], "list")
    made = subprocess.run([BIN, "policy", "suppress", "by-hand", "--when", "true", "--reason", "r", "--expires-in", "1d",
                           "--source", "gate", "--json"], capture_output=True, text=True, timeout=60,
                          env={**os.environ, "TOCSIN_SERVER": f"http://127.0.0.1:{server.port}",
                               "TOCSIN_TOKEN": server.token})
    expect((made.returncode, json.loads(made.stdout)["name"]), (0, "by-hand"), made.stderr)
    expect(server.post("/api/v1/events/gate", {}, 202)["events"][0]["fate"], "suppressed", "by the command")
    for wrong in ({**rule, "when": "alret.x"}, {**rule, "expires_in": "500d"}, {**rule, "reason": ""},
                  {k: v for k, v in rule.items() if k != "expires_in"}, {**rule, "color": "red"}):
        expect(server.call("POST", "/api/v1/policies", wrong)[0], 400, f"{wrong}")
    server.stop()


def past_the_rate_senders_are_told_when(folder):
    server = Server(folder, "--config", config(folder, "ingest: { rate: 5 }\n"))
    expect(server.call("POST", "/api/v1/events/door", [1, 2, 3, 4, 5])[0], 202, "a burst")
    status, problem, headers = server.call("POST", "/api/v1/events/door", [1, 2, 3, 4, 5])
    expect((status, problem["code"]), (429, "ingest_rate"), "too many")
    expect(headers["Retry-After"], "1", "Retry-After")
    until(lambda: server.call("POST", "/api/v1/events/door", [1, 2, 3, 4, 5])[0] == 202, "later", 10)
    expect(stored(server), 10, "events in the ledger")
    server.stop()


WAITS = """
playbook: waits
triggers: [ { alert: 'alert.source == "slow"' } ]
steps:
  - wait: 1h
"""
FAILS = """
playbook: fails
triggers: [ { alert: 'alert.source == "door"' } ]
steps:
  - fail: "no, ${{ event.who }}"
"""
ENDS = """
playbook: ends
triggers: [ { alert: 'alert.source == "door"' } ]
steps:
  - return: { who: "${{ event.who }}" }
"""


def waiting_tells_what_each_run_came_to(folder):
    server = Server(folder)
    for text in (WAITS, FAILS, ENDS):
        server.publish(text)
    status, answer, _ = server.call("POST", "/api/v1/events/door?wait=20s", [{"who": "ada"}, {"who": "bea"}])
    expect((status, answer["accepted"]), (202, 2), "accepted")
    for event, who in zip(answer["events"], ("ada", "bea")):
        by_name = {r["playbook"]: r for r in event["results"]}
        expect(sorted(r["id"] for r in event["results"]), sorted(event["runs"]), "ids")
        expect((by_name["ends"]["status"], by_name["ends"]["output"]), ("succeeded", {"who": who}), "ends")
        expect(by_name["fails"]["status"], "failed", "fails")
        expect("no, " + who in by_name["fails"]["error"]["message"], True, f"{by_name['fails']}")
    status, answer, _ = server.call("POST", "/api/v1/events/slow?wait=300ms", {})
    expect((status, answer["events"][0]["results"][0]["status"]), (202, "waiting"), "at the end of the wait")
    for wrong in ("soon", "-1s", "301s", "1d", ""):
        expect(server.call("POST", "/api/v1/events/door?wait=" + wrong, {})[0], 400, f"wait={wrong}")
    status, answer, _ = server.call("POST", "/api/v1/events/other?wait=20s", {})
    expect((status, answer["events"][0]["results"]), (202, []), "no run to wait for")
    expect(stored(server), 4, "events in the ledger")
    server.stop()


def a_sender_that_leaves_while_waiting_loses_nothing(folder):
    server = Server(folder)
    server.publish(WAITS)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/api/v1/events/slow?wait=1s", "{}",
                       {"Authorization": "Bearer " + server.token, "Content-Type": "application/json"})
    until(lambda: stored(server) == 1, "the event")
    connection.close()
    expect(server.call("POST", "/api/v1/events/slow?wait=1500ms", {})[0], 202, "another")
    expect(stored(server), 2, "events in the ledger")
    server.stop()


def a_server_that_stops_lets_waiters_go(folder):
    server = Server(folder)
    server.publish(WAITS)
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", "/api/v1/events/slow?wait=60s", "{}",
                       {"Authorization": "Bearer " + server.token, "Content-Type": "application/json"})
    until(lambda: stored(server) == 1, "the event")
    started = time.monotonic()
    server.stop()
    expect(time.monotonic() - started < 20, True, "the time it took")
    connection.close()
    server = Server(folder)
    expect(stored(server), 1, "after the restart")
    server.stop()


def the_proof_finds_no_fault(folder):
    server = Server(folder)
    server.publish(ENDS)
    server.post("/api/v1/events/door", [{"who": "ada"}, {"who": "bea"}], 202)
    server.post("/api/v1/events/other", {"n": 1}, 202)
    server.kill()
    server = Server(folder)
    expect(stored(server), 3, "after kill -9")
    fates = [e["fate"] for e in server.get("/api/v1/events")["items"]]
    expect(fates, ["no_trigger", "run", "run"], "fates")
    server.stop()


main([every_form_of_a_body, what_is_refused_leaves_nothing_and_the_connection_good,
      a_body_may_be_8_mib, a_key_makes_sending_again_safe, a_token_may_only_send_to_its_source, repeats_are_merged, signed_webhooks_need_no_token,
      suppressed_alerts_start_nothing, past_the_rate_senders_are_told_when, waiting_tells_what_each_run_came_to,
      a_sender_that_leaves_while_waiting_loses_nothing, a_server_that_stops_lets_waiters_go, the_proof_finds_no_fault])
