#!/usr/bin/env python3
"""The commands as people and scripts use them, with good and wrong use; client commands against a real server.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import json
import os
import pathlib
import re
import shutil
import stat
import subprocess
import time
import urllib.request

import harness
from cli import EVENT, GATE, NOBODY, PLAYBOOK, ROOT, Server, Stub, expect_in, start_stub, tocsin, write_triage
from harness import Skipped, expect


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


BY_HAND = """\
playbook: by-hand
triggers: [ { manual: true } ]
inputs: { api_key: string }
steps:
  - do: log.write
    with: { message: "asked with ${{ inputs.api_key }} about ${{ alert.finding_info.title }}" }
  - return: { sent: "Authorization: Bearer ${{ inputs.api_key }}", about: "${{ alert.finding_info.title }}" }
"""


def a_run_by_hand_from_an_alert_exports_with_its_inputs_masked(folder):
    pathlib.Path(folder, "by-hand.yaml").write_text(BY_HAND)
    with Server(folder) as server:
        server.json("apply", os.path.join(folder, "by-hand.yaml"))
        alert = server.post("/api/v1/events/generic?wait=5s", EVENT, 202)["events"][0]["alert_id"]
        run_id = server.post("/api/v1/runs", {
            "playbook": "by-hand", "alert_id": alert, "inputs": {"api_key": "quite-a-key"}}, 201)["id"]
        expect(server.ask("run", "show", run_id, "--follow")[0], 0, "the run")
        status, out, err = server.ask("run", "export-test", run_id)
        expect(status, 0, "export-test")
        expect_in("look like secrets and are masked", err, "told")
        expect("quite-a-key" in out, False, f"a secret in {out}")
        pathlib.Path(folder, "by-hand.test.yaml").write_text(out)
        status, out, err = tocsin("test", os.path.join(folder, "by-hand.test.yaml"))
        expect((status, err), (0, ""), f"the exported test: {out}")


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
    stub = start_stub()
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


TESTS = [each_command_explains_itself, the_doctor_looks_at_everything, wrong_use_is_told_with_the_mend,
         no_server_is_told, login_is_stored_and_used, a_certificate_of_ones_own_is_trusted_by_name,
         cases_are_worked_on, connectors_and_connections, playbooks_are_published_and_switched,
         a_playbook_in_place_of_a_template_runs, a_run_by_hand_from_an_alert_exports_with_its_inputs_masked,
         runs_tasks_and_events_on_a_server,
         connections_are_tried_and_containments_ended, a_backup_of_a_running_server_is_restored, tokens_and_audit]


if __name__ == "__main__":
    harness.main(TESTS)
