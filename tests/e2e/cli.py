"""What the tests of commands share: running one, a server that they ask, a playbook and its tests, a tool's API."""
import http.server
import json
import os
import pathlib
import subprocess
import threading

import harness
from harness import expect

BIN = os.path.abspath(harness.BIN)  # some commands run in a folder of their own
ROOT = pathlib.Path(__file__).resolve().parents[2]


def expect_in(part, text, what):
    if part not in text:
        raise AssertionError(f"{what}: no {part!r} in {text!r}")


def tocsin(*arguments, text=None, folder=None, **variables):
    """(exit status, standard output, standard error)"""
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", **variables}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    done = subprocess.run([BIN, *arguments], input=text or "", capture_output=True, text=True, env=environment,
                          cwd=folder, timeout=120)
    return done.returncode, done.stdout, done.stderr


class Server(harness.Server):
    """A server that commands ask, as its administrator."""

    def ask(self, *arguments, text=None):
        return tocsin(*arguments, text=text, TOCSIN_SERVER=self.url, TOCSIN_TOKEN=self.token)

    def json(self, *arguments, text=None):
        status, out, err = self.ask(*arguments, "--json", text=text)
        expect((status, err), (0, ""), " ".join(arguments))
        return json.loads(out)


NOBODY = "01ARZ3NDEKTSV4RRFFQ69G5FAV"


PLAYBOOK = """\
playbook: triage
title: Triage
triggers:
  - alert: alert.source == "generic" && alert.severity_id >= severity.HIGH
  - manual: true
inputs:
  ip: { type: string, default: "203.0.113.9" }
timeout: 2h
steps:
  - id: look
    do: abuseipdb.check_ip
    with: { ip: "${{ inputs.ip }}" }
    on_error: continue
  - id: decide
    if: steps.look.ok && steps.look.output.score >= 80
    then:
      - id: block
        do: nftables.block_ip
        with: { ip: "${{ inputs.ip }}" }
        for: 24h
    else:
      - id: approve
        ask:
          to: [role:tier2]
          title: "Block ${{ inputs.ip }}?"
          options: [block, ignore]
          timeout: 1h
          on_timeout: ignore
  - return: { blocked: "${{ has(steps.block) && steps.block.ok }}" }
"""
EVENT = {"title": "Odd logins", "severity": "high", "src_ip": "203.0.113.9"}
SCORE = "{ output: { score: %d, reports: 1, reporters: 1, is_public: true } }"
TESTS_OF_TRIAGE = """\
playbook: triage
cases:
  - name: a high score blocks
    event: event.json
    mocks:
      abuseipdb.check_ip: """ + SCORE % 93 + """
      nftables.block_ip: { output: { ip: 203.0.113.9, set: blocked } }
    expect:
      triggered: true
      status: succeeded
      path: [look, decide, block]
      calls: { nftables.block_ip: [ { ip: 203.0.113.9 } ] }
      output: { blocked: true }
  - name: an analyst decides over a low one
    inputs: { ip: 198.51.100.7 }
    mocks: { abuseipdb.check_ip: """ + SCORE % 3 + """ }
    answers: { approve: { choice: ignore } }
    expect: { status: succeeded, path: [look, decide, approve], not_called: [nftables.block_ip], output: { blocked: false } }
  - name: nobody answers
    mocks: { abuseipdb.check_ip: { error: { code: http_503, retryable: true } } }
    expect: { status: succeeded, path: [look, decide, approve] }
  - name: it waits
    mocks: { abuseipdb.check_ip: """ + SCORE % 3 + """ }
    expect: { status: waiting }
  - name: what is low starts nothing
    event: { title: noise, severity: low }
    expect: { triggered: false }
"""


def write_triage(folder):
    folder = pathlib.Path(folder)
    (folder / "triage.yaml").write_text(PLAYBOOK)
    (folder / "triage.test.yaml").write_text(TESTS_OF_TRIAGE)
    (folder / "event.json").write_text(json.dumps(EVENT))


MOCKS = "abuseipdb.check_ip: " + SCORE + "\nnftables.block_ip: { output: { ip: 203.0.113.9, set: blocked } }\n"


class Stub(http.server.BaseHTTPRequestHandler):
    seen = []

    def do_GET(self):
        self.seen.append((self.path, self.headers.get("Key")))
        body = json.dumps({"path": self.path, "key": self.headers.get("Key")}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start_stub():
    """A Stub that answers on a port of its own, until its shutdown."""
    stub = http.server.HTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    return stub


GATE = """\
connector: gate
title: Gate
settings:
  base_url: { type: string }
  key: { type: string, secret: true }
base_url: ${{ settings.base_url }}
auth: { kind: header, name: Key, token: "${{ settings.key }}" }
test: { action: look, with: { ip: 127.0.0.1 } }
actions:
  look:
    summary: Looks
    kind: query
    in: { ip: { type: ip } }
    out: { path: string, key: { type: string, required: false } }
    request: { path: "/look/${{ inputs.ip }}" }
    answer: { path: "${{ body.path }}", key: "${{ body.key }}" }
  shut:
    summary: Shuts
    kind: contain
    in: { ip: { type: ip } }
    out: { path: string }
    request: { method: GET, path: "/shut/${{ inputs.ip }}" }
    answer: { path: "${{ body.path }}" }
    undo: { action: open }
  open:
    summary: Opens
    kind: remediate
    in: { ip: { type: ip } }
    out: { path: string }
    request: { method: GET, path: "/open/${{ inputs.ip }}" }
    answer: { path: "${{ body.path }}" }
"""
