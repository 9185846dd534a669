#!/usr/bin/env python3
"""`tocsin lint` as people and editors use it: every example of docs/lint.md for connectors, sources and tests, all
three formats, the content in this repository, and the schemas.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import json
import os
import pathlib
import re
import subprocess

import harness
from harness import BIN, Server, Tool, expect

ROOT = pathlib.Path(__file__).resolve().parents[2]


def lint(*arguments):
    done = subprocess.run([BIN, "lint", *map(str, arguments)], capture_output=True, text=True, timeout=60)
    if done.returncode not in (0, 1):
        raise AssertionError(f"lint {arguments}: {done.returncode} {done.stderr}")
    return done.returncode, done.stdout


def faults(*paths):
    return json.loads(lint("--json", *paths)[1])


def write(folder, name, text):
    path = pathlib.Path(folder) / name
    path.write_text(text, encoding="utf-8")
    return path


def examples_hold(folder):
    page = (ROOT / "docs/lint.md").read_text(encoding="utf-8")
    second = page[page.index("# In connectors, sources and tests"):]
    sections = re.split(r"^## ", second, flags=re.M)[1:]
    told = 0
    for section in sections:
        code = section.split("\n", 1)[0]
        for verdict, kind, text in re.findall(r"```yaml (wrong|right) (\w+)\n(.*?)```\n", section, re.S):
            path = write(folder, "case.test.yaml" if kind == "test" else "case.yaml", text)
            paths = [path]
            if kind == "test":
                paths.append(ROOT / "content/playbooks/falco-shell.yaml")
            found = {(fault["code"], fault["level"]) for fault in faults(*paths)}
            path.unlink()
            level = section.split("\n")[1].split(":")[0]
            expect(found, {(code, level)} if verdict == "wrong" else set(), f"{code}, {verdict}")
            told += 1
    if told < 50:
        raise AssertionError(f"only {told} examples were found")


LOOPBACK = "--egress-allow=127.0.0.1"
ASKING = """playbook: asking
triggers: [ {{ alert: 'alert.source == "door"' }} ]
steps:
  - id: ask
    do: http.request
    with: {{ method: GET, url: "{url}/score" }}
  - return: {{ score: "${{{{ steps.ask.output.body.{read} }}}}" }}
"""


def client(server, *arguments, token=None):
    """A command that asks the server. Its status, what it printed, what it said."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TOCSIN_")}
    own = {"TOCSIN_TOKEN": token or server.token, "XDG_CONFIG_HOME": "/nonexistent"}
    done = subprocess.run([BIN, *map(str, arguments)], capture_output=True, text=True, timeout=60, env={**kept, **own})
    return done.returncode, done.stdout, done.stderr


def learned_shapes_count_when_they_are_asked_for(folder):
    tool = Tool(lambda *_: (200, {"score": 7, "hosts": [{"name": "a"}, {}]}))
    server = Server(folder, LOOPBACK)
    server.publish(ASKING.format(url=tool.url, read="score"))
    events = [{"title": f"door {i}", "severity": "high"} for i in range(25)]
    for accepted in server.post("/api/v1/events/door?wait=30s", events, 202)["events"]:
        expect(accepted["results"][0]["status"], "succeeded", "run")

    def codes(path, *more):
        status, out, said = client(server, "lint", "--json", *more, path)
        expect(status in (0, 1), True, said)
        return status, [(fault["code"], fault["line"]) for fault in json.loads(out)]

    ask = ["--learned", "--server", server.url]
    right = write(folder, "right.yaml", ASKING.format(url=tool.url, read="hosts[*].?name.join(' ')"))
    expect(codes(right, *ask), (0, []), "what was learned and the playbook agree")
    for read, verdict in (("score.startsWith('9')", (1, [("expr_check", 7)])), ("hosts.name", (1, [("no_fields", 7)])),
                          ("hosts[*].name", (0, [("may_be_absent", 7)]))):
        path = write(folder, "wrong.yaml", ASKING.format(url=tool.url, read=read))
        expect(codes(path), (0, []), f"{read}: nothing is declared")
        expect(codes(path, *ask), verdict, f"{read}: by what the server learned")
    status, shapes, said = client(server, "connector", "contracts", "http", "--json", "--server", server.url)
    expect(status, 0, said)
    kept = write(folder, "learned.json", shapes)
    path = write(folder, "wrong.yaml", ASKING.format(url=tool.url, read="hosts.name"))
    expect("asking" in client(server, "connector", "contracts", "http", "--server", server.url)[1], True, "a table")
    for more, said in ((["--learned", "--server", "http://127.0.0.1:1"], "does not answer"),
                       (["--server", server.url], "--learned"), (["--learned-file", path], "wrong.yaml")):
        got = client(server, "lint", *more, path)
        expect((got[0], said in got[2]), (2, True), f"{more}: {got}")
    expect(client(server, "lint", *ask, path, token="toc_none")[0], 2, "without leave")
    server.stop()
    tool.close()
    expect(codes(path, "--learned-file", kept), (1, [("no_fields", 7)]), "from the file, without a server")


def too_many_settings_are_refused(folder):
    settings = "".join(f"  s{i}: string\n" for i in range(200))
    path = write(folder, "many.yaml",
                 f"connector: many\ntitle: Many\nsettings:\n{settings}base_url: https://api.example.com\nactions: {{}}\n")
    if "too_many" not in {fault["code"] for fault in faults(path)}:
        raise AssertionError("200 settings are taken")


def every_code_is_explained(folder):
    page = (ROOT / "docs/lint.md").read_text(encoding="utf-8")
    codes = re.findall(r"^## (\w+)\n(error|warning): (.*)\.$", page, re.M)
    if len(codes) < 120:
        raise AssertionError(f"only {len(codes)} codes were found")
    for code, level, summary in codes:
        done = subprocess.run([BIN, "lint", "--explain", code], capture_output=True, text=True, timeout=20)
        expect(done.stdout.split("\n", 1)[0], f"{code} ({level}): {summary}", "the first line of --explain")
    done = subprocess.run([BIN, "lint", "--explain", "nothing"], capture_output=True, text=True, timeout=20)
    expect(done.returncode, 2, "--explain of what is no code")


def sarif_has_what_the_lines_have(folder):
    path = write(folder, "ö wrong.yaml", "playbook: Wrong\ntitle: x\nsteps:\n  - return: \"ü ${{ vars.x }}\"\n")
    status, text = lint("--sarif", path)
    expect(status, 1, "status")
    run = json.loads(text)["runs"][0]
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    lines = lint(path)[1].splitlines()
    expect(len(run["results"]), len(lines), "results")
    for result in run["results"]:
        if result["ruleId"] not in rules:
            raise AssertionError(f"{result['ruleId']} is no rule")
    by_rule = {result["ruleId"]: result for result in run["results"]}
    where = by_rule["variable_never_set"]["locations"][0]["physicalLocation"]
    # SARIF counts characters, the lines count bytes: the umlaut has two.
    expect(where["region"], {"startLine": 4, "startColumn": 25}, "region")
    expect(where["artifactLocation"]["uri"].endswith("%C3%B6%20wrong.yaml"), True, "uri is percent-encoded")
    if not any(line.startswith(f"{path}:4:26: error:") for line in lines):
        raise AssertionError(f"the lines have another column: {lines}")


def this_repository_has_no_faults(folder):
    expect(faults(ROOT / "content"), [], "faults of content/")


def what_is_built_in_is_known(folder):
    path = write(folder, "caller.yaml",
                 "playbook: caller\nsteps:\n  - run: ssh-brute-force\n    with: { ip: 203.0.113.9 }\n")
    expect(faults(path), [], "a call of a built-in playbook")
    path = write(folder, "caller.yaml",
                 "playbook: caller\nsteps:\n  - run: ssh-brute-force\n    with: { up: 203.0.113.9 }\n")
    expect([fault["code"] for fault in faults(path)], ["unknown_field"], "an input that it has not")


def blocks(page, kind):
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{kind}\n(.*?)^```$", text, re.S | re.M)


def the_guides_examples_have_no_faults(folder):
    found = blocks("docs/playbooks.md", "yaml") + blocks("README.md", "yaml")
    if len(found) < 8:
        raise AssertionError(f"only {len(found)} examples")
    for text in found:
        expect(faults(write(folder, "example.yaml", text)), [], text.split("\n", 1)[0])


def the_guides_test_passes(folder):
    tests = blocks("docs/playbooks.md", "yaml test")
    if not tests:
        raise AssertionError("the guide has no test")
    for text in tests:
        path = write(folder, "guide.test.yaml", text)
        expect(faults(path, ROOT / "content/playbooks/falco-shell.yaml"), [], "faults of the test")
        done = subprocess.run([BIN, "test", str(path)], capture_output=True, text=True, timeout=60)
        expect((done.returncode, done.stdout.splitlines()[-1]), (0, "1 passed, 0 failed"), done.stdout)


def content_passes_its_tests(folder):
    done = subprocess.run([BIN, "test", str(ROOT / "content")], capture_output=True, text=True, timeout=120)
    expect(done.returncode, 0, done.stdout[-2000:])


def schemas_are_json(folder):
    for kind in ("playbook", "connector", "source", "test"):
        done = subprocess.run([BIN, "schema", kind], capture_output=True, text=True, timeout=20)
        schema = json.loads(done.stdout)
        expect(schema["type"], "object", kind)
        # Every reference leads somewhere.
        for name in re.findall(r'"#/\$defs/(\w+)"', done.stdout):
            if name not in schema["$defs"]:
                raise AssertionError(f"{kind}: no definition of {name}")


TESTS = [schemas_are_json, the_guides_examples_have_no_faults, the_guides_test_passes, content_passes_its_tests,
         examples_hold, too_many_settings_are_refused, every_code_is_explained, sarif_has_what_the_lines_have,
         this_repository_has_no_faults, what_is_built_in_is_known,
         learned_shapes_count_when_they_are_asked_for]

if __name__ == "__main__":
    os.chdir(ROOT)
    harness.main(TESTS)
