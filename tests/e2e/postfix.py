"""A real mail relay for tests: a Postfix of its own in a folder of its own, on a loopback port. The system's
configuration, queue and service are not touched.

It takes mail for example.org into a Maildir, and refuses anybody else's.
"""
import email
import email.policy
import os
import pwd
import shutil
import smtplib
import socket
import subprocess

from harness import until

MAIN = """
compatibility_level = 3.6
queue_directory = {folder}/queue
data_directory = {folder}/data
daemon_directory = /usr/lib/postfix/sbin
command_directory = /usr/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {folder}/var-log
maillog_file_prefixes = {folder}
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = relay.example.org
mydestination =
mynetworks =
local_recipient_maps =
alias_maps =
alias_database =
virtual_mailbox_domains = example.org
virtual_mailbox_base = {folder}/mail
virtual_mailbox_maps = texthash:{folder}/boxes
virtual_uid_maps = static:{uid}
virtual_gid_maps = static:{gid}
virtual_minimum_uid = 1
virtual_transport = virtual
smtpd_relay_restrictions = reject_unauth_destination
smtpd_tls_security_level = {tls}
smtpd_tls_cert_file = {folder}/cert.pem
smtpd_tls_key_file = {folder}/key.pem
message_size_limit = 100000
virtual_mailbox_limit = 0
mailbox_size_limit = 0
"""

MASTER = """
127.0.0.1:{port} inet n - n - - smtpd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
proxymap unix - - n - - proxymap
virtual unix - n n - - virtual
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""


def missing():
    """Why there can be no relay here; empty when there can."""
    if not shutil.which("postfix"):
        return "postfix is not installed"
    if os.getuid() != 0:
        return "postfix runs as root only"
    if not shutil.which("openssl"):
        return "openssl is not installed"
    return ""


def make_certificate(folder):
    """ca.pem, and cert.pem with key.pem for 127.0.0.1 under it."""
    run = lambda *words: subprocess.run(words, cwd=folder, check=True, capture_output=True)  # noqa: E731
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    run("openssl", "req", "-x509", *curve, "-days", "2", "-subj", "/CN=test-ca", "-keyout", "ca.key", "-out",
        "ca.pem")
    run("openssl", "req", *curve, "-subj", "/CN=relay", "-keyout", "key.pem", "-out", "cert.csr")
    with open(os.path.join(folder, "ext"), "w") as out:
        out.write("subjectAltName=IP:127.0.0.1")
    run("openssl", "x509", "-req", "-in", "cert.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
        "-days", "2", "-extfile", "ext", "-out", "cert.pem")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Postfix:
    def __init__(self, folder, tls="encrypt"):
        self.folder = os.path.join(folder, "postfix")
        os.makedirs(self.folder)
        os.chmod(folder, 0o755)  # its daemons are another user
        self.port = free_port()
        user = pwd.getpwnam("nobody")
        make_certificate(self.folder)
        for name in ("queue", "data", "mail", "etc"):
            os.makedirs(os.path.join(self.folder, name))
        owner = pwd.getpwnam("postfix")
        os.chown(os.path.join(self.folder, "data"), owner.pw_uid, owner.pw_gid)
        os.chown(os.path.join(self.folder, "mail"), user.pw_uid, user.pw_gid)
        fill = dict(folder=self.folder, port=self.port, tls=tls, uid=user.pw_uid, gid=user.pw_gid)
        self.write("etc/main.cf", MAIN.format(**fill))
        self.write("etc/master.cf", MASTER.format(**fill))
        self.write("boxes", "".join(f"{box}@example.org {box}/\n" for box in ("soc", "night", "day")))
        self.command("check")
        self.command("start")
        until(self.answers, "postfix answers")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.command("stop")

    def write(self, name, text):
        with open(os.path.join(self.folder, name), "w") as out:
            out.write(text)

    def command(self, verb):
        done = subprocess.run(["postfix", "-c", os.path.join(self.folder, "etc"), verb], capture_output=True,
                              text=True, timeout=60)
        if done.returncode and verb != "stop":
            raise AssertionError(f"postfix {verb}: {done.stdout} {done.stderr} {self.log()}")

    def log(self):
        try:
            return open(os.path.join(self.folder, "var-log")).read()[-3000:]
        except OSError:
            return ""

    def answers(self):
        try:
            with smtplib.SMTP("127.0.0.1", self.port, timeout=5):
                return True
        except (OSError, smtplib.SMTPException):
            return False

    def messages(self, box):
        """What was delivered to the box so far."""
        folder = os.path.join(self.folder, "mail", box, "new")
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        return [email.message_from_bytes(open(os.path.join(folder, name), "rb").read(),
                                         policy=email.policy.default) for name in names]
