#!/usr/bin/env python3
"""`tocsin run`: without a server, with and without leave to act; connectors in the making.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import json
import os
import pathlib
import pty
import signal
import subprocess

import harness
from cli import BIN, EVENT, GATE, MOCKS, PLAYBOOK, SCORE, Stub, expect_in, start_stub, tocsin, write_triage
from harness import Skipped, expect


# ---- runs without a server ----

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


def real_calls_go_out_where_the_egress_policy_lets_them(folder):
    stub = start_stub()
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


def connections_of_a_run_come_from_a_file_and_secrets_from_the_environment(folder):
    stub = start_stub()
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


TESTS = [a_run_prints_its_steps_and_its_result, what_acts_is_recorded_unless_live, a_run_that_asks_waits_with_3,
         an_interrupted_run_ends_with_130, at_a_terminal_the_person_there_is_asked,
         failed_runs_and_wrong_files_have_their_status, real_calls_go_out_where_the_egress_policy_lets_them,
         connections_of_a_run_come_from_a_file_and_secrets_from_the_environment, connectors_are_begun_and_tested]


if __name__ == "__main__":
    harness.main(TESTS)
