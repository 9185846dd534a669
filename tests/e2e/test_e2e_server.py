#!/usr/bin/env python3
"""The server as its operator uses it: start, set-up link, tokens, secrets, audit, wrong requests, stop, kill -9.

The program comes from TOCSIN_BIN (default ./build/tocsin). The last line is `N passed, N failed`.
"""
import json
import os
import pathlib
import re
import stat
import subprocess

from harness import BIN, Server, expect, main


def fresh(folder, *options):
    """A server that nobody has set up: what a call does not name, it does not bear."""
    return Server(folder, *options, has_token=False)


def link_of(server):
    return re.search(r"(/setup/\S+)", server.process.stdout.readline()).group(1)


def administrator(folder):
    server = fresh(folder)
    status, body, _ = server.call("POST", link_of(server))
    expect(status, 201, "setup")
    return server, body["token"]


def health_needs_no_token(folder):
    server = fresh(folder)
    expect(server.call("GET", "/healthz")[0], 200, "healthz")
    expect(server.call("GET", "/readyz")[0], 200, "readyz")
    server.stop()


def setup_link_works_once_and_only_by_post(folder):
    server = fresh(folder)
    link = link_of(server)
    for _ in range(3):
        expect(server.call("GET", link)[0], 200, "GET of the link")
    expect(server.call("POST", link)[0], 201, "first POST")
    expect(server.call("POST", link)[0], 403, "second POST")
    server.stop()


OPEN_ROUTES = {("get", "/healthz"), ("get", "/readyz"), ("get", "/setup/{link}"), ("post", "/setup/{link}")}


def every_other_route_asks_for_a_token(folder):
    server, token = administrator(folder)
    document = server.call("GET", "/api/v1/openapi.json", token=token)[1]
    expect(document["openapi"][:4], "3.1.", "openapi version")
    count, opened = 0, set()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if operation["security"] == []:
                opened.add((method, path))
                continue
            concrete = re.sub(r"\{\w+\}", "01ARZ3NDEKTSV4RRFFQ69G5FAV", path)
            for wrong in (None, "toc_" + "A" * 43, "nonsense"):
                status, body, headers = server.call(method.upper(), concrete, token=wrong)
                expect(status, 401, f"{method} {path} with {wrong}")
                expect(headers["WWW-Authenticate"][:6], "Bearer", "challenge")
            count += 1
    if count < 5:
        raise AssertionError(f"only {count} routes in the document")
    # By name, so that a route is never open by a slip of the table.
    expect(opened, OPEN_ROUTES, "routes that ask for no token")
    server.stop()


def scopes_bound_what_a_token_may_do(folder):
    server, token = administrator(folder)
    status, made, _ = server.call("POST", "/api/v1/tokens", {"name": "reader", "scopes": "metrics:read"}, token)
    expect(status, 201, "create")
    expect(server.call("GET", "/metrics", token=made["token"])[0], 200, "metrics")
    expect(server.call("GET", "/api/v1/tokens", token=made["token"])[0], 403, "tokens")
    listed = server.call("GET", "/api/v1/tokens", token=token)[1]["items"]
    if "toc_" in json.dumps(listed):
        raise AssertionError("a token's text is in the list")
    expect(server.call("DELETE", "/api/v1/tokens/" + made["id"], token=token)[0], 200, "revoke")
    expect(server.call("GET", "/metrics", token=made["token"])[0], 401, "after the revocation")
    server.stop()


def secrets_never_come_back(folder):
    server, token = administrator(folder)
    content = "correct-horse-battery-staple"
    expect(server.call("PUT", "/api/v1/secrets/slack", {"value": content}, token)[0], 200, "set")
    status, listed, _ = server.call("GET", "/api/v1/secrets", token=token)
    expect([(s["name"], s["last_four"]) for s in listed["items"]], [("slack", "aple")], "list")
    printed = server.stop()
    files = [path for path in pathlib.Path(folder).rglob("*") if path.is_file()]
    expect({"tocsin.db", "master.key", "log"} - {path.name for path in files}, set(), "files that are not looked at")
    for path in files:
        if content.encode() in path.read_bytes():
            raise AssertionError(f"the secret stands in {path.name}")
    if content in printed:
        raise AssertionError("the secret was printed")


def wrong_requests_get_the_documented_error(folder):
    server, token = administrator(folder)
    cases = [
        ("GET", "/api/v1/nothing", None, {}, 404, "not_found"),
        ("PATCH", "/api/v1/tokens", None, {}, 405, "method"),
        ("POST", "/api/v1/tokens", "{", {}, 400, "json_key"),
        ("POST", "/api/v1/tokens", '{"name":"a","name":"b"}', {}, 400, "json_duplicate_key"),
        ("POST", "/api/v1/tokens", "[1]", {}, 400, "body"),
        ("POST", "/api/v1/tokens", '{"name":"a"}', {}, 400, "body"),
        ("POST", "/api/v1/tokens", '{"name":"a","scopes":"alerts:raed"}', {}, 400, "scope"),
        ("POST", "/api/v1/tokens", "{}", {"Content-Type": "text/plain"}, 415, "content_type"),
        ("POST", "/api/v1/tokens", b" " * (2 << 20), {}, 413, "http"),
    ]
    for method, path, body, headers, status, code in cases:
        got, problem, answer = server.call(method, path, body, token, headers)
        expect(got, status, f"{method} {path} {str(body)[:40]}")
        expect(answer["Content-Type"], "application/problem+json", "type")
        expect((problem["status"], problem["code"]), (status, code), f"problem of {str(body)[:40]}")
    expect(len(server.call("GET", "/api/v1/tokens", token=token)[1]["items"]), 1, "tokens after all that")
    server.stop()


def audit_chain_holds_each_mutation(folder):
    server, token = administrator(folder)
    before = server.call("GET", "/api/v1/audit/verify", token=token)[1]
    for number in range(5):
        server.call("PUT", f"/api/v1/secrets/s{number}", {"value": "x" * 20}, token)
    after = server.call("GET", "/api/v1/audit/verify", token=token)[1]
    expect((after["good"], after["rows"]), (True, before["rows"] + 5), "audit")
    server.stop()


def acknowledged_writes_survive_kill_9(folder):
    server, token = administrator(folder)
    for number in range(20):
        expect(server.call("PUT", f"/api/v1/secrets/k{number}", {"value": "y" * 20}, token)[0], 200, "set")
    server.kill()
    server = fresh(folder)
    names = [s["name"] for s in server.call("GET", "/api/v1/secrets", token=token)[1]["items"]]
    expect(len(names), 20, "secrets after kill -9")
    expect(server.call("GET", "/api/v1/audit/verify", token=token)[1]["good"], True, "audit after kill -9")
    server.stop()


def bootstrap_file_holds_a_good_token(folder):
    path = os.path.join(folder, "first-token")
    server = fresh(folder, "--bootstrap-token-file", path)
    expect(stat.S_IMODE(os.stat(path).st_mode), 0o600, "mode")
    token = pathlib.Path(path).read_text().strip()
    expect(server.call("GET", "/api/v1/tokens", token=token)[0], 200, "tokens")
    server.stop()


def command(server, token, *arguments, text=None):
    environment = {"PATH": os.environ["PATH"], "TOCSIN_SERVER": server.url}
    for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
        if name in os.environ:
            environment[name] = os.environ[name]
    if token:
        environment["TOCSIN_TOKEN"] = token
    done = subprocess.run([BIN, *arguments], input=text or "", capture_output=True, text=True, env=environment,
                          timeout=60)
    return done.returncode, done.stdout, done.stderr


def commands_do_the_operators_work(folder):
    server, token = administrator(folder)
    status, out, err = command(server, token, "token", "create", "reader", "--scopes", "metrics:read", "--json")
    expect((status, err), (0, ""), "token create")
    made = json.loads(out)
    expect(server.call("GET", "/metrics", token=made["token"])[0], 200, "the new token")
    expect(command(server, token, "secret", "set", "jira key", text="abcdefghijklmnop\n")[0], 1, "a bad name")
    expect(command(server, token, "secret", "set", "jira", text="abcdefghijklmnop\n")[0], 0, "secret set")
    status, out, _ = command(server, token, "secret", "list", "--json")
    expect(json.loads(out)["items"][0]["last_four"], "mnop", "secret list")
    expect(command(server, token, "secret", "set", "empty")[0], 2, "no secret on standard input")
    expect(command(server, made["token"], "token", "list")[0], 1, "a token that may not")
    expect(command(server, None, "token", "list")[0], 1, "no token")
    expect(command(server, token, "token", "revoke", made["id"])[0], 0, "token revoke")
    status, out, _ = command(server, token, "case", "open", "Odd logins", "--severity", "high", "--json")
    case = json.loads(out)
    expect((status, case["number"]), (0, 1), "case open")
    expect(command(server, token, "case", "close", case["id"])[0], 2, "case close without a resolution")
    expect(command(server, token, "case", "close", case["id"], "--resolution", "false_positive")[0], 0, "case close")
    expect("Odd logins" in command(server, token, "case", "list")[1], True, "case list")
    expect(command(server, token, "alert", "show", "01ARZ3NDEKTSV4RRFFQ69G5FAV")[0], 1, "alert show")
    status, out, _ = command(server, token, "audit", "verify", "--json")
    expect((status, json.loads(out)["good"]), (0, True), "audit verify")
    server.stop()


def cases_are_opened_worked_on_and_closed(folder):
    server, token = administrator(folder)
    status, case, _ = server.call("POST", "/api/v1/cases", {"title": "Odd logins", "severity": "high"}, token)
    expect((status, case["number"], case["status"], case["severity_id"]), (201, 1, "open", 4), "open")
    path = "/api/v1/cases/" + case["id"]
    expect(server.call("PATCH", path, {"owner": "kim", "add_tags": ["vpn"]}, token)[1]["owner"], "kim", "owner")
    expect(server.call("POST", path + "/comments", {"text": "Asked the user."}, token)[0], 201, "comment")
    expect(server.call("PATCH", path, {"titel": "x"}, token)[0], 400, "unknown field")
    expect(server.call("POST", path + "/close", {"resolution": "false_positive"}, token)[1]["status"], "closed", "close")
    shown = server.call("GET", path, token=token)[1]
    if not any("Asked the user." in json.dumps(entry) for entry in shown["activity"]):
        raise AssertionError("the comment is not in the timeline")
    expect(server.call("GET", "/api/v1/cases?status=active", token=token)[1]["items"], [], "active cases")
    expect(len(server.call("GET", "/api/v1/cases?status=closed", token=token)[1]["items"]), 1, "closed cases")
    expect(server.call("GET", "/api/v1/cases?limit=0", token=token)[0], 400, "limit")
    expect(server.call("GET", "/api/v1/cases/01ARZ3NDEKTSV4RRFFQ69G5FAV", token=token)[0], 404, "no such case")
    expect(server.call("GET", "/api/v1/alerts", token=token)[1], {"items": [], "next": None}, "alerts")
    expect(server.call("GET", "/api/v1/audit/verify", token=token)[1]["good"], True, "audit")
    server.stop()


def connections_hold_references_only(folder):
    server, token = administrator(folder)
    names = [c["name"] for c in server.call("GET", "/api/v1/connectors", token=token)[1]["items"]]
    for wanted in ("abuseipdb", "http"):
        if wanted not in names:
            raise AssertionError(f"no connector {wanted} in {names}")
    server.call("PUT", "/api/v1/secrets/abuse", {"value": "0123456789abcdef"}, token)
    shown = server.call("GET", "/api/v1/connectors/abuseipdb", token=token)[1]
    shown = shown[0] if isinstance(shown, list) else shown
    secret = [s["name"] for s in shown["settings"] if s["secret"]][0]
    path = "/api/v1/connections/abuse"
    good = {"connector": "abuseipdb", "settings": {secret: "${secret:abuse}"}, "is_default": True}
    expect(server.call("PUT", path, good, token)[0], 200, "put")
    bare = dict(good, settings={secret: "0123456789abcdef"})
    expect(server.call("PUT", path, bare, token)[0], 400, "a secret in the settings")
    expect(server.call("PUT", path, dict(good, settings={"hots": "x"}), token)[0], 400, "an unknown setting")
    expect(server.call("PUT", path, dict(good, connector="nothing"), token)[0], 404, "an unknown connector")
    listed = server.call("GET", "/api/v1/connections", token=token)[1]["items"]
    expect([(c["name"], c["settings"][secret]) for c in listed], [("abuse", "${secret:abuse}")], "list")
    expect(server.call("DELETE", path, token=token)[0], 200, "delete")
    expect(server.call("DELETE", path, token=token)[0], 404, "delete again")
    server.stop()


def wrong_use_is_told_and_ends_with_2(folder):
    cases = [([], "usage"), (["sevre"], "did you mean 'serve'"), (["serve", "--lsten", "x"], "did you mean --listen"),
             (["token"], "needs a verb"), (["token", "create"], "takes NAME"), (["serve", "--data"], "needs DIR"),
             (["serve", "extra"], "not expected")]
    for arguments, text in cases:
        done = subprocess.run([BIN, *arguments], capture_output=True, text=True, timeout=60)
        expect(done.returncode, 2, f"exit status of {arguments}")
        if text not in done.stdout + done.stderr:
            raise AssertionError(f"{arguments}: no '{text}' in {done.stdout + done.stderr}")
    done = subprocess.run([BIN, "serve", "--help"], capture_output=True, text=True, timeout=60)
    expect((done.returncode, "--bootstrap-token-file" in done.stdout), (0, True), "help")


def no_server_is_told_with_the_mend(folder):
    done = subprocess.run([BIN, "token", "list", "--server", "http://127.0.0.1:1"], capture_output=True, text=True,
                          timeout=60)
    expect((done.returncode, "tocsin serve" in done.stderr), (1, True), "no server")


if __name__ == "__main__":
    main([health_needs_no_token, setup_link_works_once_and_only_by_post, every_other_route_asks_for_a_token,
          scopes_bound_what_a_token_may_do, secrets_never_come_back, wrong_requests_get_the_documented_error,
          audit_chain_holds_each_mutation, acknowledged_writes_survive_kill_9, bootstrap_file_holds_a_good_token,
          commands_do_the_operators_work, cases_are_opened_worked_on_and_closed, connections_hold_references_only,
          wrong_use_is_told_and_ends_with_2, no_server_is_told_with_the_mend])
