"""What end-to-end tests share: a server of their own, a tool that it calls, expectations, and the main loop.

The program comes from TOCSIN_BIN (default ./build/tocsin). Everything stays on loopback.
"""
import http.client
import http.server
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

BIN = os.environ.get("TOCSIN_BIN", "build/tocsin")


def expect(actual, wanted, what):
    if actual != wanted:
        raise AssertionError(f"{what}: {actual!r}, expected {wanted!r}")


def until(check, what, seconds=20):
    """The first true answer of `check`; a server that never gets there fails the test."""
    end = time.monotonic() + seconds
    while True:
        found = check()
        if found:
            return found
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)


class Skipped(Exception):
    """This machine lacks what the test needs; the text says what."""


class Server:
    """`tocsin serve` with an administrator's token in `self.token`, which every call bears that names no other.

    With `has_token=False` it is one that nobody has set up: it prints its set-up link, and calls bear no token.
    As `with Server(...) as server` it is stopped at the end, and how it ended is checked.
    """

    def __init__(self, folder, *options, env=None, has_token=True):
        self.folder, self.options = str(folder), options
        self.data = os.path.join(self.folder, "data")
        token_file = os.path.join(self.folder, "token")
        wants_token = has_token and not os.path.exists(token_file)
        extra = ["--bootstrap-token-file", token_file] if wants_token else []
        # Whatever settings the caller's environment has would not be this test's.
        clean = {k: v for k, v in os.environ.items() if not k.startswith("TOCSIN_")}
        with open(os.path.join(self.folder, "log"), "a") as log:
            self.process = subprocess.Popen(
                [BIN, "serve", "--data", self.data, "--listen", "127.0.0.1:0", *extra, *options],
                stdout=subprocess.PIPE, stderr=log, text=True, env={**clean, **(env or {})})
        first = self.process.stdout.readline()
        found = re.search(r":(\d+)$", first.strip())
        if not found:
            raise AssertionError("the server did not start: " + self.log())
        self.port = int(found.group(1))
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = open(token_file).read().strip() if has_token else None

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.kill()
        elif self.process.returncode is None:
            self.stop()

    def whole_log(self):
        return open(os.path.join(self.folder, "log"), errors="replace").read()

    def log(self):
        return self.whole_log()[-3000:]

    def connect(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def call(self, method, path, body=None, token=None, headers=None):
        connection, bearer = self.connect(), token or self.token
        headers = {**({"Authorization": "Bearer " + bearer} if bearer else {}), **(headers or {})}
        data = None
        if body is not None:
            data = body if isinstance(body, (bytes, str)) else json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        connection.request(method, path, data, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        is_json = "json" in answer.headers.get("Content-Type", "")
        return answer.status, json.loads(text) if is_json and text else text, answer.headers

    def get(self, path):
        status, body, _ = self.call("GET", path)
        expect(status, 200, "GET " + path)
        return body

    def post(self, path, body, status=200):
        got, answer, _ = self.call("POST", path, body)
        expect(got, status, f"POST {path}: {answer!r}")
        return answer

    def publish(self, text):
        name = re.search(r"^playbook: (\S+)", text, re.M).group(1)
        status, body, _ = self.call("PUT", "/api/v1/playbooks/" + name, {"source": text})
        expect(status, 200, f"publish: {body!r}")
        return name

    def run(self, run):
        return self.get("/api/v1/runs/" + run)

    def run_until(self, run, *statuses):
        """The run, once it has one of these statuses."""
        def check():
            shown = self.run(run)
            return shown if shown["status"] in statuses else None
        try:
            return until(check, f"run {run} {'|'.join(statuses)}")
        except AssertionError as error:
            raise AssertionError(f"{error}: {json.dumps(self.run(run))}\n{self.log()}") from None

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        """What it had still to print."""
        self.process.send_signal(signal.SIGTERM)
        printed, _ = self.process.communicate(timeout=60)
        expect((self.process.returncode, "Sanitizer" in self.whole_log()), (0, False), "the end: " + self.log())
        return printed


class Tool:
    """A tool's API: answers what `answer(method, path, body)` gives, (status, object); keeps the calls."""

    def __init__(self, answer=None):
        tool = self
        self.calls, self.answer = [], answer or (lambda method, path, body: (200, {"ok": True}))

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def serve(self):
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                tool.calls.append((self.command, self.path, body.decode(), dict(self.headers)))
                status, answer = tool.answer(self.command, self.path, body)
                text = json.dumps(answer).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                try:
                    self.wfile.write(text)
                except ConnectionError:  # a server that was killed meanwhile
                    pass

            do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = serve

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def main(tests, lacking=""):
    """Runs them all, or those that the command line names; none when the machine is `lacking` something."""
    failed, skipped = 0, 0
    tests = [t for t in tests if len(sys.argv) == 1 or t.__name__ in sys.argv[1:]]
    if lacking:
        print("skipped:", lacking)
        tests, skipped = [], len(tests)
    count = len(tests) + skipped
    for test in tests:
        with tempfile.TemporaryDirectory() as folder:
            try:
                test(folder)
                print("ok  ", test.__name__)
            except Skipped as why:
                skipped += 1
                print("skipped:", f"{test.__name__}: {why}")
            except Exception as error:  # a test that breaks is a test that fails
                failed += 1
                print("FAIL", f"{test.__name__}: {type(error).__name__}: {error}")
        sys.stdout.flush()
    print(f"{count - failed - skipped} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed else 0)
