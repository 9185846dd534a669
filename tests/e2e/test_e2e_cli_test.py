#!/usr/bin/env python3
"""`tocsin test`: cases that pass, fail, and cannot run.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import json
import os
import pathlib
import xml.etree.ElementTree

import harness
from cli import PLAYBOOK, ROOT, SCORE, TESTS_OF_TRIAGE, expect_in, tocsin, write_triage
from harness import expect


# ---- tests of playbooks ----

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


TESTS = [good_cases_pass_and_coverage_is_told, waits_loops_approvals_and_other_playbooks_are_played,
         failed_cases_show_what_differs, cases_that_cannot_run_fail_with_the_reason,
         broken_test_files_are_told_with_their_places, the_shipped_playbooks_pass_their_tests]


if __name__ == "__main__":
    harness.main(TESTS)
