"""The server, what runs beside it, and how it is measured; the parts are in part_*.py."""
import glob
import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

SUCCEEDED = 'tocsin_runs_total{status="succeeded"}'
ROOT = pathlib.Path(__file__).resolve().parent.parent
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log {folder}/nginx.log;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 1h; client_body_temp_path {folder}/t1;
  proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3; uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port}; default_type application/json;
    location = /big {{ alias {folder}/big.json; }}
    location / {{ return 200 '{body}'; }} }}
}}
"""


class Bench:
    def __init__(self, options):
        self.options, self.figures, self.next = options, {}, 0
        self.bin = pathlib.Path(options.bin).resolve()
        self.tools = self.bin.parent / "bench"
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="tocsin-bench-"))
        self.server = self.nginx = None
        self.tool_port, self.hostile_port = free_port(), free_port()
        self.content = self.folder / "content"
        self.content.mkdir()
        for file in (ROOT / "bench/content").glob("*.yaml"):  # which name ports that may be taken
            text = file.read_text().replace(":9090/", f":{self.tool_port}/").replace(":9091/", f":{self.hostile_port}/")
            (self.content / file.name).write_text(text)

    # ---- what runs beside ----

    def start_stub(self):
        config = self.folder / "nginx.conf"
        items = [{"number": n, "host": f"h{n}.example", "score": n % 100} for n in range(80_000)]
        (self.folder / "big.json").write_text(json.dumps({"items": items})[:-2] + "]}")
        self.folder.chmod(0o755)
        body = json.dumps({"score": 87, "pad": "x" * 580}, separators=(",", ":"))
        config.write_text(NGINX.format(folder=self.folder, port=self.tool_port, body=body))
        self.nginx = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-c", str(config), "-e",
                                       str(self.folder / "nginx.log")], stderr=subprocess.DEVNULL)
        wait_for(lambda: call(self.tool_port, "GET", "/")[0] == 200, 5, "nginx")

    def start(self, data):
        token = self.folder / "token"
        environment = dict(os.environ, TOCSIN_EGRESS_ALLOW="127.0.0.1/32")
        self.server = subprocess.Popen(
            [str(self.bin), "serve", "--data", str(self.folder / data), "--listen", "127.0.0.1:0", "--content",
             str(self.content), "--bootstrap-token-file", str(token), "--log-level", "error"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True)
        line = self.server.stdout.readline()
        found = re.search(r":(\d+)\s*$", line)
        if not found:
            self.server.terminate()
            sys.exit("the server did not start: " + line + self.server.communicate()[0])
        self.port, self.token = int(found.group(1)), token.read_text().strip()

    def stop(self):
        if self.server and self.server.poll() is None:
            self.server.send_signal(signal.SIGTERM)
            self.server.communicate(timeout=60)
            self.server = None

    def close(self):
        self.stop()
        if self.nginx:
            self.nginx.terminate()
            self.nginx.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- measuring ----

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) / 1024

    def rss_peak_mb(self):
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status).group(1)) / 1024

    def rss_peak_reset(self):
        pathlib.Path(f"/proc/{self.server.pid}/clear_refs").write_text("5")

    def cpu_us(self):
        """CPU time by thread name."""
        spent = {}
        for task in glob.glob(f"/proc/{self.server.pid}/task/*"):
            name = pathlib.Path(task, "comm").read_text().strip()
            spent[name] = spent.get(name, 0) + int(pathlib.Path(task, "schedstat").read_text().split()[0]) / 1e3
        return spent

    def disk_read_bytes(self):
        return int(re.search(r"read_bytes: (\d+)", pathlib.Path(f"/proc/{self.server.pid}/io").read_text()).group(1))

    def spent_us(self, before):
        return sum(us - before.get(name, 0) for name, us in self.cpu_us().items())

    def api(self, method, path, body=None, kind="application/json"):
        return call(self.port, method, path, body, {"Authorization": "Bearer " + self.token, "Content-Type": kind})

    def metric(self, name):
        text = self.api("GET", "/metrics")[1].decode()
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if line.startswith(name))

    def load(self, to, path, seconds, *more, body=True):
        self.next += 10_000_000 // 4
        command = [str(self.tools / "load"), "--to", f"127.0.0.1:{to}", "--path", path, "--seconds", str(seconds),
                   "--first", str(self.next), *more]
        if body:
            command += ["--body", str(ROOT / "bench/alert.json")]
        if to != self.tool_port:
            command += ["--token-file", str(self.folder / "token")]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if not done.stdout:
            sys.exit("load failed: " + " ".join(command))
        return json.loads(done.stdout)

    def say(self, name, value, unit, beside=""):
        self.figures[name] = value
        print(f"  {name:52} {value:>12,.{0 if value >= 100 else 2}f} {unit:8} {beside}", flush=True)

    def post_many(self, source, count, make):
        for first in range(0, count, 1000):
            body = "\n".join(make(n) for n in range(first, min(first + 1000, count)))
            status, answer = self.api("POST", f"/api/v1/events/{source}", body.encode(), "application/x-ndjson")
            if status != 202:
                sys.exit(f"{source}: HTTP {status} {answer[:300]}")


def alert(number):
    text = (ROOT / "bench/alert.json").read_text()
    return text.replace("@SEQ@", f"{number:010}").replace("@IP@", f"100.100.100.{100 + number % 100}").encode()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def call(port, method, path, body=None, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
    try:
        connection.request(method, path, body, headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except OSError:
        return 0, b""
    finally:
        connection.close()


def wait_for(holds, seconds, what, every=0.005):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"{what}: not there after {seconds} s")
        time.sleep(every)
