#!/usr/bin/env python3
"""The server over TLS, without a proxy before it.

The last line is `N passed, N failed`.
"""
import http.client
import os
import shutil
import socket
import ssl
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from harness import BIN, Server, Skipped, expect, main, until  # noqa: E402
from postfix import free_port, make_certificate  # noqa: E402


class TlsServer(Server):
    """As Server, but spoken to over TLS, with the certificate checked."""

    def connect(self):
        context = ssl.create_default_context(cafile=os.path.join(self.folder, "ca.pem"))
        return http.client.HTTPSConnection("127.0.0.1", self.port, timeout=60, context=context)


def config(folder, cert="cert.pem", key="key.pem"):
    path = os.path.join(folder, "tocsin.yaml")
    with open(path, "w") as out:
        out.write(f"tls: {{ cert: {folder}/{cert}, key: {folder}/{key} }}\n")
    return path


def start(folder):
    make_certificate(folder)
    return TlsServer(folder, "--config", config(folder))


def everything_works_over_tls(folder):
    server = start(folder)
    expect(server.call("GET", "/healthz")[0], 200, "healthz")
    accepted = server.post("/api/v1/events/door", [{"title": "x" * 1000, "n": n} for n in range(2000)], 202)
    expect(accepted["accepted"], 2000, "a large body")
    shown = server.get("/api/v1/events/" + accepted["events"][1999]["id"])
    expect(shown["id"], accepted["events"][1999]["id"], "an answer")
    expect(len(server.get("/api/v1/openapi.json")["paths"]) > 20, True, "a large answer")
    server.stop()


def the_stream_works_over_tls(folder):
    server = start(folder)
    stream = server.connect()
    stream.request("GET", "/api/v1/stream", headers={"Authorization": "Bearer " + server.token})
    answer = stream.getresponse()
    expect(answer.status, 200, "the stream")
    accepted = server.post("/api/v1/events/door", {"title": "seen in the stream"}, 202)
    seen = b""
    while accepted["events"][0]["alert_id"].encode() not in seen:
        line = answer.readline()
        expect(line != b"", True, f"the stream goes on: {seen!r}")
        seen += line
    stream.close()
    server.stop()


def plain_http_gets_nothing(folder):
    server = start(folder)
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as plain:
        plain.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        plain.shutdown(socket.SHUT_WR)
        got = b""
        while True:
            part = plain.recv(4096)
            if not part:
                break
            got += part
    expect(b"HTTP/" in got, False, f"{got!r}")
    expect(server.call("GET", "/healthz")[0], 200, "the next one")
    server.stop()


def old_versions_are_refused(folder):
    server = start(folder)
    for version in ("1.2", "1.3"):
        done = subprocess.run(["curl", "-sS", "--cacert", os.path.join(folder, "ca.pem"), "--tlsv" + version,
                               "--tls-max", version, f"https://127.0.0.1:{server.port}/healthz"],
                              capture_output=True, text=True, timeout=60)
        expect(done.returncode, 0, f"TLS {version}: {done.stderr}")
    done = subprocess.run(["curl", "-sSk", "--tlsv1.0", "--tls-max", "1.1", "--ciphers", "DEFAULT:@SECLEVEL=0",
                           f"https://127.0.0.1:{server.port}/healthz"], capture_output=True, text=True, timeout=60)
    expect(done.returncode != 0, True, f"TLS 1.1: {done.stdout}")
    server.stop()


def wrong_files_are_told_at_the_start(folder):
    make_certificate(folder)
    shutil.copy(os.path.join(folder, "ca.key"), os.path.join(folder, "other.pem"))
    for cert, key, wanted in [("nowhere.pem", "key.pem", "nowhere.pem"), ("cert.pem", "nowhere.pem", "nowhere.pem"),
                              ("cert.pem", "other.pem", "other.pem"), ("key.pem", "key.pem", "key.pem")]:
        done = subprocess.run([BIN, "serve", "--data", os.path.join(folder, "data"), "--listen", "127.0.0.1:0",
                               "--config", config(folder, cert, key)], capture_output=True, text=True, timeout=60)
        expect((done.returncode != 0, wanted in done.stderr), (True, True), f"{cert} {key}: {done.stderr}")


NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/errors;
events {{ worker_connections 64; }}
http {{
  log_format spoken '$server_protocol $status $connection'; access_log {folder}/spoken spoken;
  client_body_temp_path {folder}/t1; proxy_temp_path {folder}/t2; fastcgi_temp_path {folder}/t3;
  uwsgi_temp_path {folder}/t4; scgi_temp_path {folder}/t5;
  server {{ listen 127.0.0.1:{port} ssl http2; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
    default_type application/json; location / {{ return 200 '{{"ok":true}}'; }} }}
}}
"""
LOOKING = """
playbook: looking
triggers: [ { manual: true } ]
steps:
  - for_each: "[1, 2, 3]"
    as: n
    steps:
      - { do: http.request, connection: web, with: { method: GET, url: "URL/${{ n }}" } }
"""


def tools_are_spoken_to_over_http_2(folder):
    nginx = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if not nginx:
        raise Skipped("nginx is not installed")
    make_certificate(folder)
    port = free_port()
    with open(os.path.join(folder, "nginx.conf"), "w") as out:
        out.write(NGINX.format(folder=folder, port=port))
    tool = subprocess.Popen([nginx, "-c", os.path.join(folder, "nginx.conf"), "-e", os.path.join(folder, "errors")])
    server = Server(folder, "--egress-allow", "127.0.0.1")
    try:
        url = f"https://127.0.0.1:{port}"
        until(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, "nginx")
        settings = {"base_url": url, "tls_ca_file": os.path.join(folder, "ca.pem")}
        status, body, _ = server.call("PUT", "/api/v1/connections/web",
                                      {"connector": "http", "settings": settings, "is_default": True})
        expect(status, 200, f"connection {body!r}")
        server.publish(LOOKING.replace("URL", url))
        run = server.run_until(server.post("/api/v1/runs", {"playbook": "looking"}, 201)["id"], "succeeded", "failed")
        expect(run["status"], "succeeded", f"{run!r}")
    finally:
        server.stop()
        tool.terminate()
        tool.wait()
    spoken = [line.split() for line in open(os.path.join(folder, "spoken"))]
    expect([line[:2] for line in spoken], [["HTTP/2.0", "200"]] * 3, "what was spoken")
    expect(len({line[2] for line in spoken}), 1, "connections: kept alive")


if __name__ == "__main__":
    missing = [tool for tool in ("openssl", "curl") if not shutil.which(tool)]
    main([everything_works_over_tls, the_stream_works_over_tls, plain_http_gets_nothing, old_versions_are_refused,
          wrong_files_are_told_at_the_start, tools_are_spoken_to_over_http_2],
         lacking=", ".join(missing) + " not installed" if missing else "")
