#!/usr/bin/env python3
"""The commands as people and scripts use them, with good and wrong use; client commands against a real server.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import http.server
import json
import os
import pathlib
import pty
import re
import shutil
import signal
import stat
import subprocess
import threading
import time
import urllib.request
import xml.etree.ElementTree

import harness
from harness import Skipped, expect

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


# ---- every command ----

def each_command_explains_itself(folder):
    status, out, _ = tocsin("--help")
    expect(status, 0, "help")
    names = re.findall(r"^  ([a-z]+) ", out, re.M)
    if len(names) < 15:
        raise AssertionError(f"only {names}")
    for name in names:
        status, out, err = tocsin(name, "--help")
        expect((status, err), (0, ""), f"{name} --help")
        expect_in("tocsin " + name, out, f"{name} --help")
        for noun, verb in re.findall(r"^  tocsin (\w+) ([\w-]+) ", out, re.M):
            status, out_verb, err = tocsin(noun, verb, "--help")
            expect((status, err), (0, ""), f"{noun} {verb} --help")
            expect_in(f"usage: tocsin {noun} {verb}", out_verb, f"{noun} {verb} --help")


def wrong_use_is_told_with_the_mend(folder):
    cases = [
        (["lnit"], "did you mean 'lint'"),
        (["run"], "usage: tocsin run"),
        (["case"], "needs a verb"),
        (["case", "lits"], "did you mean 'list'"),
        (["case", "show"], "takes ID"),
        (["case", "list", "extra"], "takes no argument"),
        (["case", "list", "--ownr", "x"], "did you mean --owner"),
        (["case", "list", "--limit"], "needs N"),
        (["case", "list", "--limit=1", "--limit=2"], "given twice"),
        (["case", "list", "--json=yes"], "takes no value"),
        (["event", "list", "--since", "yesterday"], "a span such as 24h"),
        (["case", "open", "x", "--choice", "y"], "unknown option --choice"),
        (["task", "answer", NOBODY], "--choice"),
        (["task", "answer", NOBODY, "--form", "x"], "NAME=TEXT"),
        (["task", "answer", NOBODY, "--form", "x=1", "--form", "x=2"], "given twice"),
        (["task", "answer", NOBODY, "--form", "x:={"], "json"),
        (["connection", "set", "x"], "--connector"),
        (["connection", "set", "x", "--connector", "http", "--secret", "token"], "NAME=SECRET"),
        (["login", "toc_x"], "standard input"),
        (["login"], "a token is expected"),
    ]
    for arguments, text in cases:
        status, out, err = tocsin(*arguments)
        expect((status, out), (2, ""), f"exit status of {arguments}: {err}")
        if text.lower() not in err.lower():
            raise AssertionError(f"{arguments}: no {text!r} in {err!r}")


def no_server_is_told(folder):
    for arguments in (["run", "list"], ["task", "show", NOBODY], ["login"]):
        status, _, err = tocsin(*arguments, "--server", "http://127.0.0.1:1", text="toc_x\n")
        expect(status, 1, f"{arguments}")
        expect_in("tocsin serve", err, f"{arguments}")


def the_doctor_looks_at_everything(folder):
    data = os.path.join(folder, "data")
    status, out, err = tocsin("doctor", "--data", data, "--json", "--listen", "127.0.0.1:0")
    found = {check["name"]: check for check in json.loads(out)["checks"]}
    expect((status, err), (0, ""), "doctor")
    for name in ("disk-sync", "disk-space", "open-files", "clock", "entropy", "port", "store", "content", "server"):
        expect_in(name, found, "checks")
    with Server(folder) as server:
        status, out, _ = tocsin("doctor", "--data", server.data, "--server", server.url, "--json", TOCSIN_TOKEN=server.token)
        found = {check["name"]: check for check in json.loads(out)["checks"]}
        expect((found["store"]["status"], found["server"]["status"]), ("ok", "ok"), f"beside a server: {out}")
        expect_in("sound", found["store"]["text"], "store")
    os.chmod(data, 0o755)
    os.chmod(os.path.join(data, "master.key"), 0o644)
    with open(os.path.join(data, "tocsin.db"), "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    status, out, _ = tocsin("doctor", "--data", data, "--json")
    found = {check["name"]: check for check in json.loads(out)["checks"]}
    expect(status, 1, "something failed")
    expect([found[name]["status"] for name in ("data-folder", "master-key", "store")], ["warn", "fail", "fail"], "findings")
    expect_in("restore", found["store"]["mend"], "the mend of a damaged store")
    content = os.path.join(folder, "content")
    os.mkdir(content)
    pathlib.Path(content, "bad.yaml").write_text("playbook: bad\nsteps:\n  - do: nothing.here\n")
    status, out, _ = tocsin("doctor", "--data", folder, "--content", content)
    expect(status, 1, "bad content")
    expect_in("bad.yaml:3", out, "place of the fault")


# ---- tests of playbooks ----

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


def good_cases_pass_and_coverage_is_told(folder):
    write_triage(folder)
    status, out, err = tocsin("test", folder, "--coverage")
    expect((status, err), (0, ""), f"exit status: {out}")
    expect(out.splitlines()[-1], "5 passed, 0 failed", "last line")
    expect_in("coverage triage: 2 of 2 branches", out, "coverage")
    status, out, _ = tocsin("test", os.path.join(folder, "triage.yaml"), "--name", "waits", "--coverage", "--json")
    report = json.loads(out)
    expect((status, report["passed"], report["failed"]), (0, 1, 0), "one case by its name")
    expect([b["branch"] for b in report["coverage"][0]["not_taken"]], ["decide: then"], "not taken")


RICH = """\
playbook: rich
mode: suggest
triggers: [ { manual: true } ]
inputs: { ips: { type: list, items: ip }, fails: { type: bool, default: false } }
steps:
  - id: each
    for_each: inputs.ips
    as: ip
    steps:
      - id: sure
        ask: { to: [role:tier2], title: "${{ ip }}?", options: [yes_, no_], timeout: 4h, on_timeout: no_ }
      - id: shut
        when: steps.sure.output.choice == 'yes_'
        do: nftables.block_ip
        with: { ip: "${{ ip }}" }
        for: 1h
    collect: "${{ steps.sure.output.choice }}"
  - id: rest
    wait: 30d
  - id: lower
    run: lower
    with: { ip: "${{ inputs.ips[0] }}" }
  - if: inputs.fails
    then: [ { fail: { code: told_to, message: it was told to } } ]
    else: []
  - return: { said: "${{ steps.each.output }}", late: "${{ now > timestamp('2026-03-31T00:00:00Z') }}", low: "${{ steps.lower.output }}" }
on_failure:
  - id: sorry
    do: log.write
    with: { message: "${{ run.error.message }}" }
"""
LOWER = """\
playbook: lower
triggers: [ { playbook: true } ]
inputs: { ip: { type: ip } }
steps:
  - id: look
    do: abuseipdb.check_ip
    with: { ip: "${{ inputs.ip }}" }
    retry: { attempts: 3, backoff: exponential, first: 10m, max: 1h }
  - return: "${{ steps.look.output.score }}"
"""
TESTS_OF_RICH = """\
playbook: rich
cases:
  - name: asked one by one, approved, a month later the other playbook
    now: 2026-03-01T00:00:00Z
    inputs: { ips: [192.0.2.1, 192.0.2.2, 192.0.2.3] }
    mocks:
      nftables.block_ip: { output: { ip: 192.0.2.1, set: blocked } }
      abuseipdb.check_ip:
        - { error: { code: http_503, retryable: true } }
        - { output: { score: 7, reports: 1, reporters: 1, is_public: true }, delay: 5s }
    answers: { sure: [ { choice: yes_ }, { choice: no_ }, { choice: yes_ } ], shut: { choice: approve } }
    expect:
      status: succeeded
      path: [each, sure, shut, sure, sure, shut, rest, lower]
      calls:
        nftables.block_ip: [ { ip: 192.0.2.1 }, { ip: 192.0.2.3 } ]
        abuseipdb.check_ip: [ { ip: 192.0.2.1 } ]
      output: { said: [yes_, no_, yes_], late: true, low: 7 }
  - name: nobody approves, and it fails as told
    inputs: { ips: [192.0.2.1], fails: true }
    mocks: { abuseipdb.check_ip: { output: { score: 7, reports: 1, reporters: 1, is_public: true } } }
    answers: { sure: { choice: no_ } }
    expect: { status: failed, error: told_to, not_called: [nftables.block_ip], path: [each, sure, rest, lower, sorry] }
"""


def waits_loops_approvals_and_other_playbooks_are_played(folder):
    for name, text in (("rich.yaml", RICH), ("lower.yaml", LOWER), ("rich.test.yaml", TESTS_OF_RICH)):
        pathlib.Path(folder, name).write_text(text)
    status, out, err = tocsin("test", folder)
    expect((status, err), (0, ""), out)


def failed_cases_show_what_differs(folder):
    write_triage(folder)
    tests = TESTS_OF_TRIAGE.replace("path: [look, decide, block]", "path: [look, block, tell]")
    tests = tests.replace("{ ip: 203.0.113.9 } ] }\n      output: { blocked: true }",
                          "{ ip: 203.0.113.8 } ] }\n      output: { blocked: false, by: kim }")
    tests = tests.replace("not_called: [nftables.block_ip]", "not_called: [abuseipdb.check_ip]")
    pathlib.Path(folder, "triage.test.yaml").write_text(tests)
    junit = os.path.join(folder, "junit.xml")
    status, out, err = tocsin("test", folder, "--junit", junit)
    expect((status, err), (1, ""), "exit status")
    for line in ("triage.test.yaml:3: a high score blocks", "    - tell  (expected, did not run)",
                 "    + decide  (ran, not expected)",
                 '  calls of nftables.block_ip[0].ip: expected "203.0.113.8", got "203.0.113.9"',
                 "  output.blocked: expected false, got true", '  output.by: expected "kim", got nothing',
                 "  not_called: abuseipdb.check_ip was called with", "3 passed, 2 failed"):
        expect_in(line, out, "the difference")
    suite = xml.etree.ElementTree.parse(junit).getroot()[0]
    expect((suite.get("tests"), suite.get("failures"), len(suite.findall("testcase/failure"))), ("5", "2", 2), "JUnit")
    expect_in("203.0.113.8", suite.find("testcase/failure").text, "JUnit's failure")


def cases_that_cannot_run_fail_with_the_reason(folder):
    write_triage(folder)
    cases = [
        ("mocks: { nothing.here: { output: {} } }\n    expect: {}", 'there is no action "nothing.here"'),
        ("event: missing.json\n    expect: {}", "there is no file"),
        ("event: event.json\n    expect: { status: succeeded }", "path"),
        ("inputs: { pi: x }\n    expect: { status: succeeded }", "pi"),
        ("mocks: { abuseipdb.check_ip: " + SCORE % 3 + " }\n    answers: { approve: { choice: maybe } }\n"
         "    expect: { status: succeeded }", "block"),
    ]
    for body, reason in cases:
        pathlib.Path(folder, "triage.test.yaml").write_text(f"playbook: triage\ncases:\n  - name: x\n    {body}\n")
        status, out, err = tocsin("test", folder)
        if reason == "path":
            expect(status, 0, "a step that is not mocked fails, and the playbook goes on")
            continue
        expect((status, err), (1, ""), f"{body}: {out}")
        expect_in(reason, out, body)


def broken_test_files_are_told_with_their_places(folder):
    write_triage(folder)
    wrong = [("expect: { status: succeded }", "4:"), ("expects: {}", "did you mean \"expect\""),
             ("expect: { calls: { a.b: 1 } }", "list"), ("event: {}", "expect"), ("expect: {", "error:"),
             ("source: x\n    expect: {}", "no event")]
    for body, text in wrong:
        pathlib.Path(folder, "triage.test.yaml").write_text(f"playbook: triage\ncases:\n  - name: x\n    {body}\n")
        status, out, err = tocsin("test", folder)
        expect((status, out), (2, ""), body)
        expect_in("triage.test.yaml:", err, body)
        expect_in(text, err, body)
    pathlib.Path(folder, "triage.test.yaml").write_text("playbook: elsewhere\ncases: []\n")
    status, _, err = tocsin("test", folder)
    expect(status, 2, "no such playbook")
    expect_in('there is no playbook "elsewhere"', err, "no such playbook")
    for path, text in ((os.path.join(folder, "none"), "there is no file"), (os.path.join(folder, "empty"), "no *.test.yaml")):
        os.makedirs(os.path.join(folder, "empty"), exist_ok=True)
        status, _, err = tocsin("test", path)
        expect(status, 2, path)
        expect_in(text, err, path)
    pathlib.Path(folder, "triage.yaml").write_text(PLAYBOOK.replace("steps.look.ok", "steps.lok.ok"))
    pathlib.Path(folder, "triage.test.yaml").write_text(TESTS_OF_TRIAGE)
    status, out, _ = tocsin("test", folder)
    expect(status, 1, "a playbook with a fault")
    expect_in("triage.yaml:15:", out, "its place")


def the_shipped_playbooks_pass_their_tests(folder):
    status, out, err = tocsin("test", str(ROOT / "content" / "playbooks"))
    expect((status, err), (0, ""), out)


# ---- runs without a server ----

MOCKS = "abuseipdb.check_ip: " + SCORE + "\nnftables.block_ip: { output: { ip: 203.0.113.9, set: blocked } }\n"


def a_run_prints_its_steps_and_its_result(folder):
    write_triage(folder)
    pathlib.Path(folder, "mocks.yaml").write_text(MOCKS % 93)
    arguments = ["run", "triage.yaml", "--event", "event.json", "--source", "generic", "--mock", "mocks.yaml"]
    status, out, err = tocsin(*arguments, folder=folder)
    expect((status, err), (0, ""), out)
    expect([line.split()[:2] for line in out.splitlines()[:4]],
           [["succeeded", "look"], ["succeeded", "decide/block"], ["succeeded", "decide"], ["succeeded", "step_5"]], "steps")
    expect(json.loads(out[out.index("{"):]), {"blocked": True}, "output")
    status, out, err = tocsin(*arguments, "--json", folder=folder)
    run = json.loads(out)
    expect((status, err, run["status"], run["playbook"]), (0, "", "succeeded", "triage"), "as JSON")
    expect(run["alert_id"] is not None, True, "its alert")
    status, out, err = tocsin("run", "triage.yaml", "--event", "-", "--mock", "mocks.yaml", "--input", "ip=198.51.100.7",
                              "--json", folder=folder, text=json.dumps(EVENT))
    expect((status, json.loads(out)["steps"][0]["input"]["ip"]), (0, "198.51.100.7"), "event from standard input")


def what_acts_is_recorded_unless_live(folder):
    write_triage(folder)
    pathlib.Path(folder, "mocks.yaml").write_text("abuseipdb.check_ip: " + SCORE % 93)
    status, out, _ = tocsin("run", "triage.yaml", "--mock", "mocks.yaml", folder=folder)
    expect(status, 0, out)
    expect_in('recorded, not done: nftables.block_ip {"ip":"203.0.113.9"', out, "what was not done")
    pathlib.Path(folder, "tell.yaml").write_text(
        "playbook: tell\ntriggers: [ { manual: true } ]\nsteps:\n  - id: tell\n    do: case.open\n    with: { title: Look }\n"
        "  - return: { number: \"${{ steps.tell.output.number }}\" }\n")
    status, out, _ = tocsin("run", "tell.yaml", "--live", "--json", folder=folder)
    run = json.loads(out)
    expect((status, run["output"], "simulated" in run["steps"][0]), (0, {"number": 1}, False), "live")


def a_run_that_asks_waits_with_3(folder):
    write_triage(folder)
    pathlib.Path(folder, "mocks.yaml").write_text(MOCKS % 3)
    for more in ([], ["--no-wait"]):
        status, out, err = tocsin("run", "triage.yaml", "--mock", "mocks.yaml", *more, folder=folder)
        expect(status, 3, out)
        expect_in("Block 203.0.113.9?", err, "the question")
        expect_in("the run is waiting", out, "the end")


def an_interrupted_run_ends_with_130(folder):
    pathlib.Path(folder, "long.yaml").write_text(
        "playbook: long\nsteps:\n  - { do: log.write, with: { message: begun } }\n  - wait: 1h\n")
    # Whoever started the tests in the background may have them ignore the signal, and what is ignored stays so.
    process = subprocess.Popen([BIN, "run", "long.yaml"], cwd=folder, text=True, stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    expect_in("log.write", process.stdout.readline(), "the first step's line")
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    expect(process.returncode, 130, err)
    expect_in("tocsin: interrupted", err, "told")


def at_a_terminal_the_person_there_is_asked(folder):
    write_triage(folder)
    pathlib.Path(folder, "mocks.yaml").write_text(MOCKS % 3)
    form = PLAYBOOK.replace("options: [block, ignore]\n          timeout: 1h\n          on_timeout: ignore",
                            "form: { count: { type: int }, note: { type: string, required: false } }")
    form = form.replace("has(steps.block) && steps.block.ok", "steps.approve.output.form.count")
    pathlib.Path(folder, "form.yaml").write_text(form)
    for name, typed, output in (("triage.yaml", "9\nignore\n", {"blocked": False}), ("triage.yaml", "1\n", {"blocked": False}),
                                ("form.yaml", "many\n7\n\n", {"blocked": 7})):
        try:
            master, slave = pty.openpty()
        except OSError as why:
            raise Skipped(f"the machine gives no pseudo-terminal: {why}") from None
        process = subprocess.Popen([BIN, "run", name, "--mock", "mocks.yaml", "--json"], cwd=folder, stdin=slave,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        os.write(master, typed.encode())
        out, err = process.communicate(timeout=60)
        os.close(master), os.close(slave)
        expect((process.returncode, json.loads(out)["output"]), (0, output), f"{typed!r}: {err}")
        expect_in("? Block 203.0.113.9?", err, "the question")


def failed_runs_and_wrong_files_have_their_status(folder):
    write_triage(folder)
    pathlib.Path(folder, "fails.yaml").write_text(
        "playbook: fails\ntriggers: [ { manual: true } ]\ninputs: { count: { type: int, default: 1 } }\n"
        "steps:\n  - fail: { code: no_luck, message: \"told ${{ inputs.count }}\" }\n")
    status, out, err = tocsin("run", "fails.yaml", "--input", "count=7", folder=folder)
    expect((status, err), (1, ""), out)
    expect_in("the run has failed: no_luck: told 7", out, "the error")
    cases = [
        (["run", "fails.yaml", "--input", "count=many"], 2, "count"),
        (["run", "fails.yaml", "--input", "cuont=1"], 2, "no input"),
        (["run", "fails.yaml", "--input", "count"], 2, "NAME=TEXT"),
        (["run", "missing.yaml"], 2, "there is no file missing.yaml"),
        (["run", "fails.yaml", "--event", "missing.json"], 2, "there is no file missing.json"),
        (["run", "fails.yaml", "--event", "two.json"], 2, "2 events"),
        (["run", "fails.yaml", "--event", "bad.json"], 2, "bad.json:1:"),
        (["run", "fails.yaml", "--source", "wazuh"], 2, "--event"),
        (["run", "fails.yaml", "--mock", "mocks.yaml"], 2, "nothing.here"),
        (["run", "fails.yaml", "--evnt", "x"], 2, "did you mean --event"),
        (["run", "fails.yaml", "triage.yaml"], 2, "one playbook"),
        (["run", "faulty.yaml"], 1, "faulty.yaml:4:"),
        (["run", "fails.yaml", "--connections", "connections.yaml"], 2, "TOCSIN_SECRET_ABUSE_KEY"),
    ]
    pathlib.Path(folder, "two.json").write_text("[{}, {}]")
    pathlib.Path(folder, "bad.json").write_text("{")
    pathlib.Path(folder, "mocks.yaml").write_text("nothing.here: { output: {} }")
    pathlib.Path(folder, "faulty.yaml").write_text("playbook: faulty\ntriggers: [ { manual: true } ]\nsteps:\n  - do: nothing.here\n")
    pathlib.Path(folder, "connections.yaml").write_text(
        "abuse: { connector: abuseipdb, default: true, settings: { api_key: \"${secret:abuse-key}\" } }\n")
    for arguments, wanted, text in cases:
        status, out, err = tocsin(*arguments, folder=folder)
        expect((status, out), (wanted, ""), f"{arguments}: {err}")
        expect_in(text, err, f"{arguments}")


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


def real_calls_go_out_where_the_egress_policy_lets_them(folder):
    stub = http.server.HTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{stub.server_port}/ping"
    pathlib.Path(folder, "ping.yaml").write_text(
        "playbook: ping\ntriggers: [ { manual: true } ]\ninputs: { url: { type: string } }\nsteps:\n"
        "  - id: ping\n    do: http.request\n    with: { method: GET, url: \"${{ inputs.url }}\" }\n"
        "  - return: \"${{ steps.ping.output.body }}\"\n")
    status, out, _ = tocsin("run", "ping.yaml", "--input", "url=" + url, folder=folder)
    expect(status, 1, "a private address")
    expect_in("egress", out, "the reason")
    status, out, err = tocsin("run", "ping.yaml", "--input", "url=" + url, "--egress-allow", "127.0.0.0/8", "--json", folder=folder)
    stub.shutdown()
    expect((status, json.loads(out)["output"]["path"]), (0, "/ping"), f"an allowed one: {err}")



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


def connections_of_a_run_come_from_a_file_and_secrets_from_the_environment(folder):
    stub = http.server.HTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    content = pathlib.Path(folder, "content")
    content.mkdir()
    (content / "gate.yaml").write_text(GATE)
    pathlib.Path(folder, "shut.yaml").write_text(
        "playbook: shut\ntriggers: [ { manual: true } ]\nsteps:\n  - id: look\n    do: gate.look\n    with: { ip: 192.0.2.7 }\n"
        "  - id: shut\n    do: gate.shut\n    with: { ip: 192.0.2.7 }\n    for: 1h\n"
        "  - return: { key: \"${{ steps.look.output.key }}\", path: \"${{ steps.look.output.path }}\" }\n")
    pathlib.Path(folder, "connections.yaml").write_text(
        f"office: {{ connector: gate, default: true, settings: {{ base_url: \"http://127.0.0.1:{stub.server_port}\", "
        "key: \"${secret:gate-key}\" } }\n")
    arguments = ["run", "shut.yaml", "--content", "content", "--connections", "connections.yaml", "--egress-allow", "127.0.0.1"]
    status, out, err = tocsin(*arguments, "--live", "--json", folder=folder, TOCSIN_SECRET_GATE_KEY="open sesame 1")
    expect(status, 0, err)
    expect(json.loads(out)["output"], {"key": "(secret)", "path": "/look/192.0.2.7"},
           "what the other side echoes of the secret is masked")
    expect(Stub.seen[-2:], [("/look/192.0.2.7", "open sesame 1"), ("/shut/192.0.2.7", "open sesame 1")], "the calls")
    expect_in("still contained: gate.shut", err, "nobody ends it")
    status, out, err = tocsin(*arguments, folder=folder, TOCSIN_SECRET_GATE_KEY="open sesame 1")
    expect((status, "still contained" in err, "recorded, not done: gate.shut" in out), (0, False, True), "not live: " + err)
    stub.shutdown()


def connectors_are_begun_and_tested(folder):
    status, out, err = tocsin("connector", "new", "gate2", folder=folder)
    expect((status, err), (0, ""), "new")
    expect(tocsin("connector", "new", "gate2", folder=folder)[0], 2, "a file that is there")
    expect(tocsin("connector", "new", "Gate", folder=folder)[0], 2, "a bad name")
    status, out, err = tocsin("connector", "test", "gate2.yaml", folder=folder)
    expect((status, err, out.splitlines()[-1]), (0, "", "1 passed, 0 failed"), "test")
    expect(tocsin("lint", "gate2.yaml", folder=folder)[0], 0, "lint")
    path = pathlib.Path(folder, "gate2.yaml")
    path.write_text(path.read_text().replace("score: 7 }\n        out:", "score: 8 }\n        out:"))
    status, out, _ = tocsin("connector", "test", "gate2.yaml", folder=folder)
    expect((status, "1 failed" in out, "FAIL gate2.get_thing" in out), (1, True, True), out)
    path.write_text(path.read_text().replace("kind: query", "kind: qeury"))
    status, out, err = tocsin("connector", "test", "gate2.yaml", folder=folder)
    expect(status, 1, "a faulty file")
    expect_in("gate2.yaml:", err, "its place")
    expect(tocsin("connector", "test", "missing.yaml", folder=folder)[0], 2, "no file")


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


# ---- against a server ----

def login_is_stored_and_used(folder):
    config = os.path.join(folder, "config")
    with Server(folder) as server:
        status, _, err = tocsin("login", "--server", server.url, text="toc_wrong\n", XDG_CONFIG_HOME=config)
        expect(status, 1, "a wrong token")
        expect(os.path.exists(config), False, "nothing is stored of a wrong token")
        status, out, err = tocsin("login", "--server", server.url + "/", text=server.token + "\n", XDG_CONFIG_HOME=config)
        expect((status, err), (0, ""), "login")
        path = os.path.join(config, "tocsin", "login.json")
        expect(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
        expect(stat.S_IMODE(os.stat(os.path.dirname(path)).st_mode), 0o700, "mode of the folder")
        status, out, _ = tocsin("token", "list", "--json", XDG_CONFIG_HOME=config)
        expect((status, len(json.loads(out)["items"])), (0, 1), "token list by the stored login")
        status, _, err = tocsin("token", "list", "--server", server.url.replace("127.0.0.1", "localhost"),
                                XDG_CONFIG_HOME=config)
        expect(status, 1, "the token does not go to another server")
        expect_in("tocsin login", err, "the mend")
        expect(tocsin("login", "--forget", XDG_CONFIG_HOME=config)[0], 0, "forget")
        expect(os.path.exists(path), False, "forgotten")
        pathlib.Path(path).write_text("{")
        status, _, err = tocsin("token", "list", XDG_CONFIG_HOME=config)
        expect(status, 2, "a damaged file")
        expect_in("damaged", err, "a damaged file")


def a_certificate_of_ones_own_is_trusted_by_name(folder):
    cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    if not shutil.which("openssl"):
        raise Skipped("there is no openssl to make a certificate with")
    done = subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                           "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key,
                           "-out", cert], capture_output=True)
    expect(done.returncode, 0, f"openssl: {done.stderr!r}")
    with Server(folder, "--tls-cert", cert, "--tls-key", key) as server:
        url = server.url.replace("http:", "https:")
        status, _, err = tocsin("token", "list", TOCSIN_SERVER=url, TOCSIN_TOKEN=server.token)
        expect(status, 1, "an unknown certificate")
        expect_in("TOCSIN_CA_FILE", err, "the mend")
        status, _, err = tocsin("token", "list", TOCSIN_SERVER=url, TOCSIN_TOKEN=server.token, TOCSIN_CA_FILE=cert)
        expect((status, err), (0, ""), "with its CA")


def cases_are_worked_on(folder):
    with Server(folder) as server:
        case = server.json("case", "open", "Odd \x1b[31mlogins", "--severity", "high", "--owner", "kim")
        status, out, _ = server.ask("case", "list")
        lines = out.splitlines()
        expect(lines[0].split()[:3], ["ID", "NUMBER", "SEVERITY"], "head")
        expect_in(case["id"], lines[1], "row")
        expect("\x1b" in out, False, "control characters from the server")
        expect(lines[0].index("SEVERITY"), lines[1].index("High"), "columns stand under their titles")
        expect(len(server.json("case", "list", "--severity", "low")["items"]), 0, "filter")
        expect(server.json("case", "update", case["id"], "--owner", "lee")["owner"], "lee", "update")
        expect(server.ask("case", "update", case["id"])[0], 2, "update of nothing")
        expect(server.ask("case", "comment", case["id"], "--comment", "Asked the user.")[0], 0, "comment")
        status, out, _ = server.ask("case", "show", case["id"])
        expect_in("Asked the user.", out, "timeline")
        expect(server.json("case", "close", case["id"], "--resolution", "false_positive")["status"], "closed", "close")
        for number in range(3):
            server.json("case", "open", f"case {number}")
        status, out, err = server.ask("case", "list", "--limit", "2")
        after = re.search(r"--after (\w+)", err).group(1)
        expect(len(server.json("case", "list", "--limit", "2", "--after", after)["items"]), 2, "next page")
        status, _, err = server.ask("case", "show", NOBODY)
        expect(status, 1, "no such case")
        expect_in("404", err, "no such case")


def connectors_and_connections(folder):
    with Server(folder) as server:
        names = [c["name"] for c in server.json("connector", "list")["items"]]
        expect_in("abuseipdb", names, "connectors")
        status, out, _ = server.ask("connector", "show", "abuseipdb")
        expect_in("abuseipdb.check_ip", out, "its actions")
        shown = server.json("connector", "show", "abuseipdb")
        shown = shown[0] if isinstance(shown, list) else shown
        secret = [s["name"] for s in shown["settings"] if s["secret"]][0]
        expect(server.ask("secret", "set", "abuse", text="0123456789abcdef\n")[0], 0, "secret set")
        server.json("connection", "set", "abuse", "--connector", "abuseipdb", "--secret", f"{secret}=abuse", "--default")
        listed = server.json("connection", "list")["items"]
        expect([(c["name"], c["settings"], c["is_default"]) for c in listed],
               [("abuse", {secret: "${secret:abuse}"}, True)], "list")
        status, _, err = server.ask("connection", "set", "abuse", "--connector", "abuseipdb", "--set", "hots=x")
        expect(status, 1, "an unknown setting")
        expect(server.ask("connection", "delete", "abuse")[0], 0, "delete")
        expect(server.ask("connection", "delete", "abuse")[0], 1, "delete again")


def playbooks_are_published_and_switched(folder):
    write_triage(folder)
    caller = PLAYBOOK.replace("playbook: triage", "playbook: a-caller", 1).replace(
        "steps:\n", "steps:\n  - run: triage\n", 1).replace("triggers:\n", "triggers:\n  - playbook: true\n", 1)
    pathlib.Path(folder, "a-caller.yaml").write_text(caller)
    pathlib.Path(folder, "triage.yaml").write_text(PLAYBOOK.replace("triggers:\n", "triggers:\n  - playbook: true\n", 1))
    with Server(folder) as server:
        status, out, err = server.ask("apply", folder, "--plan")
        expect(status, 1, "the caller's callee is not there in a plan")
        expect_in("would be new triage", out, "plan")
        expect_in("+playbook: triage", out, "diff")
        made = server.json("apply", folder)
        expect(sorted((m["playbook"], m["result"], m["version"]) for m in made),
               [("a-caller", "created", 1), ("triage", "created", 1)], "apply")
        expect(server.json("apply", folder)[0]["result"], "unchanged", "apply again")
        names = {p["name"]: p["enabled"] for p in server.json("playbook", "list")["items"]}
        expect((names["triage"], names["ssh-brute-force"]), (True, False), "playbook list")
        server.json("playbook", "disable", "triage")
        path = pathlib.Path(folder, "triage.yaml")
        path.write_text(path.read_text().replace("timeout: 2h", "timeout: 3h"))
        status, out, _ = server.ask("apply", str(path), "--plan")
        expect(status, 0, "plan of a change")
        expect(("-timeout: 2h" in out, "+timeout: 3h" in out, "playbook: triage\n-" in out), (True, True, False), out)
        changed = server.json("apply", str(path))[0]
        expect((changed["result"], changed["version"], changed["enabled"]), ("updated", 2, False), "it stays disabled")
        path.write_text(path.read_text().replace("steps.look.ok", "steps.lok.ok"))
        status, out, _ = server.ask("apply", str(path))
        expect(status, 1, "a playbook with a fault")
        expect_in("refused triage version 2", out, "told")
        expect_in("unknown_step", out, "the fault's code")
        expect(server.json("playbook", "show", "triage")["version"], 2, "the good one stays")
        expect(server.ask("apply", os.path.join(folder, "nothing"))[0], 2, "no such path")
        expect(server.ask("playbook", "show", "nothing")[0], 1, "no such playbook")
        expect_in("source: |\n  playbook: triage\n", server.ask("playbook", "show", "triage")[1], "its lines")


def a_playbook_in_place_of_a_template_runs(folder):
    path = pathlib.Path(folder, "ssh-brute-force.yaml")
    path.write_text((ROOT / "content" / "playbooks" / "ssh-brute-force.yaml").read_text())
    with Server(folder) as server:
        status, out, _ = server.ask("apply", str(path))
        expect(status, 0, "the template itself")
        expect_in("unchanged ssh-brute-force version 1 (disabled; `tocsin playbook enable ssh-brute-force`", out, "told")
        path.write_text(PLAYBOOK.replace("playbook: triage", "playbook: ssh-brute-force", 1))
        changed = server.json("apply", str(path))[0]
        expect((changed["result"], changed["version"], changed["enabled"]), ("updated", 2, True), "one's own")


def runs_tasks_and_events_on_a_server(folder):
    playbook = PLAYBOOK.replace("do: abuseipdb.check_ip", "do: http.request").replace(
        "with: { ip: \"${{ inputs.ip }}\" }", "with: { method: GET, url: \"http://192.0.2.1/${{ inputs.ip }}\" }", 1).replace(
        "steps.look.output.score >= 80", "steps.look.output.status == 200")
    pathlib.Path(folder, "triage.yaml").write_text(playbook)
    pathlib.Path(folder, "event.json").write_text(json.dumps(EVENT))
    with Server(folder) as server:
        server.json("apply", os.path.join(folder, "triage.yaml"))
        run_id = server.json("run", "start", "triage", "--input", "ip=192.0.2.7")["id"]
        for _ in range(200):
            tasks = server.json("task", "list", "--status", "open")["items"]
            if tasks:
                break
            time.sleep(0.05)
        expect(tasks[0]["title"], "Block 192.0.2.7?", "the question")
        expect(server.json("run", "show", run_id)["status"], "waiting", "the run")
        status, out, _ = server.ask("task", "show", tasks[0]["id"])
        expect_in("--choice block", out, "how to answer")
        expect(server.ask("task", "answer", tasks[0]["id"], "--choice", "maybe")[0], 1, "no such option")
        expect(server.ask("task", "answer", tasks[0]["id"], "--choice", "ignore", "--comment", "noise")[0], 0, "answer")
        expect(server.ask("task", "answer", tasks[0]["id"], "--choice", "ignore")[0], 1, "answered already")
        status, out, _ = server.ask("run", "show", run_id, "--follow")
        expect(status, 0, out)
        expect_in("succeeded decide/approve", out, "a step that ended")
        expect_in('"blocked": false', out, "output")
        status, out, _ = server.ask("run", "list", "--playbook", "triage")
        expect(out.splitlines()[0].split()[:2], ["ID", "STATUS"], "table")
        expect_in(run_id, out, "run list")
        status, out, err = server.ask("run", "export-test", run_id)
        expect((status, err), (0, ""), "export-test")
        pathlib.Path(folder, "triage.test.yaml").write_text(out)
        expect_in('approve: [{"choice":"ignore"}]', out, "the answer in the test")
        status, out, err = tocsin("test", folder)
        expect((status, err), (0, ""), f"the exported test: {out}")
        second_id = server.json("run", "start", "triage")["id"]
        status, _, err = server.ask("run", "export-test", second_id)
        expect((status, "not ended" in err), (1, True), "export of a run under way")
        expect(server.ask("run", "cancel", second_id, "--reason", "a test")[0], 0, "cancel")
        status, out, _ = server.ask("run", "show", second_id, "--follow")
        expect(status, 1, "a cancelled run")
        expect(server.json("run", "list", "--status", "cancelled", "--since", "1h")["items"][0]["id"], second_id, "filters")
        expect(server.ask("run", "retry", second_id)[0], 0, "retry")
        expect(server.ask("run", "retry", run_id)[0], 1, "what succeeded has nothing to retry")
        expect(server.ask("run", "list", "--status", "sleeping")[0], 1, "no such status")
        expect(server.json("event", "list")["items"], [], "events")
        expect(server.json("audit", "alerts", "--since", "30d")["events"], 0, "audit alerts")
        expect(server.json("containment", "list")["items"], [], "containments")
        names = [s["name"] for s in server.json("source", "list")["items"]]
        expect_in("wazuh", names, "source list")
        expect(server.json("source", "show", "wazuh")["name"], "wazuh", "source show")


def connections_are_tried_and_containments_ended(folder):
    stub = http.server.HTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=stub.serve_forever, daemon=True).start()
    content = pathlib.Path(folder, "content")
    content.mkdir()
    (content / "gate.yaml").write_text(GATE)
    (content / "shut.yaml").write_text(
        "playbook: shut\ntriggers: [ { manual: true } ]\nsteps:\n  - do: gate.shut\n    with: { ip: 192.0.2.9 }\n    for: 1h\n")
    with Server(folder, "--content", str(content), "--egress-allow", "127.0.0.1") as server:
        server.ask("secret", "set", "gate", text="open sesame 1\n")
        for name, port in (("office", stub.server_port), ("away", 1)):
            server.json("connection", "set", name, "--connector", "gate", "--set", f"base_url=http://127.0.0.1:{port}",
                        "--secret", "key=gate", *(["--default"] if name == "office" else []))
        expect(server.json("connection", "show", "office")["settings"]["key"], "${secret:gate}", "connection show")
        expect(server.json("connection", "test", "office")["ok"], True, "a connection that works")
        status, out, _ = server.ask("connection", "test", "away", "--json")
        expect((status, json.loads(out)["ok"]), (1, False), "one that does not")
        expect(server.ask("connection", "test", "nothing")[0], 1, "one that is not there")
        status, out, _ = tocsin("doctor", "--data", server.data, "--server", server.url, TOCSIN_TOKEN=server.token)
        expect(status, 1, "the doctor's word")
        for line in ("ok   connection       office works", "fail connection       away: "):
            expect_in(line, out, "the doctor's findings")
        run = server.json("run", "start", "shut")["id"]
        expect(server.ask("run", "show", run, "--follow")[0], 0, "the run")
        held = server.json("containment", "list", "--status", "active")["items"]
        expect([(c["action"], c["with"]) for c in held], [("gate.shut", {"ip": "192.0.2.9"})], "containment list")
        undo = server.json("containment", "undo", held[0]["id"])["id"]
        expect(server.ask("run", "show", undo, "--follow")[0], 0, "the undo's run")
        expect(Stub.seen[-1], ("/open/192.0.2.9", "open sesame 1"), "what was called")
        expect(server.json("containment", "list")["items"][0]["status"], "ended", "ended")
        expect(server.ask("containment", "undo", held[0]["id"])[0], 1, "again")
        expect(server.ask("containment", "undo", NOBODY)[0], 1, "none of this id")
    stub.shutdown()


def a_backup_of_a_running_server_is_restored(folder):
    kept, again = os.path.join(folder, "kept"), os.path.join(folder, "again")
    with Server(folder) as server:
        case = server.json("case", "open", "Odd logins")
        server.ask("secret", "set", "jira", text="abcdefghijklmnop\n")
        request = urllib.request.Request(server.url + "/api/v1/events/generic", json.dumps({"big": "x" * 200000}).encode(),
                                         {"Authorization": "Bearer " + server.token, "Content-Type": "application/json"})
        event = json.load(urllib.request.urlopen(request, timeout=60))["events"][0]["id"]
        status, out, err = tocsin("backup", kept, "--data", server.data, "--json")
        expect((status, err), (0, ""), "backup beside the server")
        report = json.loads(out)
        expect((report["payloads"] > 0, report["master_key"]), (True, True), "what is in it")
        expect(stat.S_IMODE(os.stat(kept).st_mode), 0o700, "mode")
        server.json("case", "open", "after the backup")
        status, _, err = tocsin("backup", kept, "--data", server.data)
        expect((status, "is there already" in err), (2, True), "the same folder again")
    status, out, err = tocsin("restore", kept, "--data", again)
    expect((status, err), (0, ""), "restore")
    expect(tocsin("restore", kept, "--data", again)[0], 2, "over a data folder")
    os.makedirs(os.path.join(folder, "second"))
    os.rename(again, os.path.join(folder, "second", "data"))
    with Server(os.path.join(folder, "second")) as server:
        expect([c["id"] for c in server.json("case", "list")["items"]], [case["id"]], "cases of the backup")
        expect(server.json("event", "show", event)["event"]["big"][:3], "xxx", "a payload beside the store")
        expect(server.json("secret", "list")["items"][0]["last_four"], "mnop", "secrets")
        expect(server.json("audit", "verify")["good"], True, "the audit chain")
    status, _, err = tocsin("backup", os.path.join(folder, "x"), "--data", os.path.join(folder, "nothing"))
    expect((status, "there is no store" in err), (2, True), "no data folder")
    expect(os.path.exists(os.path.join(folder, "x.unfinished")), False, "nothing is left of it")
    with open(os.path.join(kept, "tocsin.db"), "r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 8192)
    status, _, err = tocsin("restore", kept, "--data", os.path.join(folder, "y"))
    expect(status, 1, "a damaged backup")
    expect(os.path.exists(os.path.join(folder, "y")), False, "nothing is made of it")


def tokens_and_audit(folder):
    with Server(folder) as server:
        made = server.json("token", "create", "reader", "--scopes", "metrics:read", "--expires-in", "90d")
        expect(tocsin("token", "list", TOCSIN_SERVER=server.url, TOCSIN_TOKEN=made["token"])[0], 1, "a token that may not")
        status, out, _ = server.ask("token", "list")
        expect_in("reader", out, "token list")
        expect(made["token"] in out, False, "a token's text is shown once")
        expect(server.ask("token", "revoke", made["id"])[0], 0, "token revoke")
        expect(server.ask("token", "create", "x", "--scopes", "alerts:raed")[0], 1, "a wrong scope")
        expect(server.json("audit", "verify")["good"], True, "audit verify")
        status, out, err = server.ask("audit", "export")
        rows = [json.loads(line) for line in out.splitlines()]
        expect((status, err), (0, ""), "audit export")
        expect([row["seq"] for row in rows], list(range(len(rows), 0, -1)), "every row, once")
        status, out, err = server.ask("audit", "list", "--limit", "2")
        expect(len(out.splitlines()), 3, "audit list")
        before = re.search(r"--before (\d+)", err).group(1)
        expect(server.json("audit", "list", "--limit", "1", "--before", before)["items"][0]["seq"], len(rows) - 2, "next page")
        listed = server.json("audit", "list", "--action", "token.revoke")["items"]
        expect([row["object"] for row in listed], [made["id"]], "by action")


TESTS = [each_command_explains_itself, the_doctor_looks_at_everything, wrong_use_is_told_with_the_mend, no_server_is_told, login_is_stored_and_used,
         good_cases_pass_and_coverage_is_told, waits_loops_approvals_and_other_playbooks_are_played,
         failed_cases_show_what_differs,
         cases_that_cannot_run_fail_with_the_reason, broken_test_files_are_told_with_their_places,
         the_shipped_playbooks_pass_their_tests, a_run_prints_its_steps_and_its_result, what_acts_is_recorded_unless_live,
         a_run_that_asks_waits_with_3, an_interrupted_run_ends_with_130,
         at_a_terminal_the_person_there_is_asked, failed_runs_and_wrong_files_have_their_status,
         real_calls_go_out_where_the_egress_policy_lets_them,
         connections_of_a_run_come_from_a_file_and_secrets_from_the_environment, connectors_are_begun_and_tested,
         a_backtest_tells_what_would_be_decided_otherwise,
         a_backtest_over_the_servers_history, backtests_that_cannot_run_say_why, a_certificate_of_ones_own_is_trusted_by_name,
         cases_are_worked_on, connectors_and_connections,
         playbooks_are_published_and_switched, a_playbook_in_place_of_a_template_runs,
         runs_tasks_and_events_on_a_server, connections_are_tried_and_containments_ended,
         a_backup_of_a_running_server_is_restored, tokens_and_audit]


if __name__ == "__main__":
    harness.main(TESTS)
