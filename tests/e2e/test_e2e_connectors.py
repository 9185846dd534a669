#!/usr/bin/env python3
"""Built-in connectors in a running server: where their secrets go, and what becomes of a call whose answer was lost.

The last line is `N passed, N failed`.
"""
import json
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import Server, Tool, expect, main, until  # noqa: E402

LOOPBACK = "--egress-allow=127.0.0.1"
KEY = "abuse-ipdb-key-4711"
TOKEN = "xoxb-slack-token-4711"


def connect(server, name, connector, secret, **settings):
    """A connection whose secret field is the last word of `secret` ("field=content")."""
    field, content = secret.split("=", 1)
    expect(server.call("PUT", f"/api/v1/secrets/{name}", {"value": content})[0] < 300, True, "secret")
    settings[field] = "${secret:%s}" % name
    status, body, _ = server.call("PUT", f"/api/v1/connections/{name}",
                                  {"connector": connector, "settings": settings, "is_default": True})
    expect(status < 300, True, f"connection: {body!r}")


def start(server, playbook, inputs):
    return server.post("/api/v1/runs", {"playbook": playbook, "inputs": inputs}, 201)["id"]


REPORT = """
playbook: report
triggers: [ { manual: true } ]
inputs: { ip: { type: ip } }
steps:
  - id: look
    do: abuseipdb.check_ip
    with: { ip: "${{ inputs.ip }}" }
  - id: tell
    do: slack.post_message
    with: { channel: C1, text: "${{ inputs.ip }}: ${{ steps.look.output.score }} <!here>" }
    retry: { attempts: 3, first: 50ms }
  - return: { score: "${{ steps.look.output.score }}", isp: "${{ steps.look.output.isp }}", ts: "${{ steps.tell.output.ts }}" }
"""


class Vendors(Tool):
    """AbuseIPDB and Slack at one address; `post` answers chat.postMessage, `history` conversations.history."""

    def __init__(self):
        self.post = lambda count: (200, {"ok": True, "channel": "C1", "ts": "1.0"})
        self.history = lambda: []
        self.posts = []
        super().__init__(self.reply)

    def reply(self, method, path, body):
        if path.startswith("/check"):
            return 200, {"data": {"abuseConfidenceScore": 93, "totalReports": 4, "numDistinctUsers": 2,
                                  "isPublic": True, "isp": "echo of " + KEY}}
        if path == "/chat.postMessage":
            self.posts.append(json.loads(body))
            return self.post(len(self.posts))
        if path.startswith("/conversations.history"):
            return 200, {"ok": True, "has_more": False, "messages": self.history()}
        return 404, {}


def with_vendors(folder):
    vendors = Vendors()
    server = Server(folder, LOOPBACK)
    connect(server, "ipdb", "abuseipdb", "api_key=" + KEY, base_url=vendors.url)
    connect(server, "chat", "slack", "token=" + TOKEN, base_url=vendors.url)
    server.publish(REPORT)
    return server, vendors


def files_with(folder, text):
    found = []
    for top, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(top, name), "rb") as file:
                if text.encode() in file.read():
                    found.append(name)
    return found


def secrets_go_to_their_tool_and_nowhere_else(folder):
    server, vendors = with_vendors(folder)
    run = start(server, "report", {"ip": "203.0.113.9"})
    shown = server.run_until(run, "succeeded", "failed", "uncertain")
    expect((shown["status"], shown["output"]), ("succeeded", {"score": 93, "isp": "echo of (secret)", "ts": "1.0"}),
           f"run {shown!r}")
    look, tell = vendors.calls
    expect(look[3].get("Key"), KEY, "AbuseIPDB's key")
    expect(tell[3].get("Authorization"), "Bearer " + TOKEN, "Slack's token")
    expect((KEY in str(tell), TOKEN in str(look)), (False, False), "the other tool's secret")
    expect(vendors.posts[0]["text"], "203.0.113.9: 93 &lt;!here&gt;", "what an alert says mentions nobody")
    everything = "".join(json.dumps(server.get(path)) for path in (
        f"/api/v1/runs/{run}", "/api/v1/connections", "/api/v1/connectors", "/api/v1/secrets", "/api/v1/audit"))
    expect((KEY in everything, TOKEN in everything), (False, False), "secrets in what the server shows")
    server.stop()
    expect((files_with(folder, KEY), files_with(folder, TOKEN)), ([], []), "secrets in files")
    vendors.close()


def lost_answer_of_an_unsafe_call_is_probed(folder):
    server, vendors = with_vendors(folder)
    vendors.post = lambda count: (502, {"message": "lost"})
    vendors.history = lambda: [{"ts": "7.0", "metadata": vendors.posts[0]["metadata"]}]
    shown = server.run_until(start(server, "report", {"ip": "203.0.113.9"}), "succeeded", "failed", "uncertain")
    expect((shown["status"], shown["output"]["ts"]), ("succeeded", "7.0"), f"run {shown!r}")
    expect(len(vendors.posts), 1, "posts")
    server.stop()
    vendors.close()


def call_that_had_no_effect_is_made_again(folder):
    server, vendors = with_vendors(folder)
    vendors.post = lambda count: (502, {}) if count == 1 else (200, {"ok": True, "channel": "C1", "ts": "2.0"})
    shown = server.run_until(start(server, "report", {"ip": "203.0.113.9"}), "succeeded", "failed", "uncertain")
    expect((shown["status"], shown["output"]["ts"], len(vendors.posts)), ("succeeded", "2.0", 2), f"run {shown!r}")
    expect(vendors.posts[0]["metadata"], vendors.posts[1]["metadata"], "the key of both attempts")
    server.stop()
    vendors.close()


def too_many_requests_are_waited_for(folder):
    server, vendors = with_vendors(folder)
    vendors.post = lambda count: (429, {"ok": False, "error": "ratelimited"}) if count == 1 else (
        200, {"ok": True, "channel": "C1", "ts": "3.0"})
    shown = server.run_until(start(server, "report", {"ip": "203.0.113.9"}), "succeeded", "failed", "uncertain")
    expect((shown["status"], shown["output"]["ts"], len(vendors.posts)), ("succeeded", "3.0", 2), f"run {shown!r}")
    server.stop()
    vendors.close()


def call_that_was_out_in_a_crash_is_probed(folder):
    server, vendors = with_vendors(folder)
    crashed = threading.Event()

    def post(count):
        crashed.wait(30)
        return 200, {"ok": True, "channel": "C1", "ts": "9.0"}
    vendors.post = post
    vendors.history = lambda: [{"ts": "9.0", "metadata": vendors.posts[0]["metadata"]}]
    run = start(server, "report", {"ip": "203.0.113.9"})
    until(lambda: vendors.posts, "the post")
    server.kill()
    crashed.set()
    server = Server(folder, LOOPBACK)
    shown = server.run_until(run, "succeeded", "failed", "uncertain")
    expect((shown["status"], shown["output"]["ts"], len(vendors.posts)), ("succeeded", "9.0", 1), f"run {shown!r}")
    server.stop()
    vendors.close()


def refusal_is_the_steps_error(folder):
    server, vendors = with_vendors(folder)
    vendors.post = lambda count: (200, {"ok": False, "error": "channel_not_found"})
    shown = server.run_until(start(server, "report", {"ip": "203.0.113.9"}), "succeeded", "failed", "uncertain")
    expect((shown["status"], shown["error"]["code"], len(vendors.posts)), ("failed", "not_found", 1), f"run {shown!r}")
    server.stop()
    vendors.close()


main([secrets_go_to_their_tool_and_nowhere_else, lost_answer_of_an_unsafe_call_is_probed,
      call_that_had_no_effect_is_made_again, too_many_requests_are_waited_for, call_that_was_out_in_a_crash_is_probed,
      refusal_is_the_steps_error])
