#!/usr/bin/env python3
"""notify.email as its users see it, with a real Postfix: what a playbook says is read back from the mailbox.

The last line is `N passed, N failed`.
"""
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import postfix  # noqa: E402
from harness import Server, expect, main, until  # noqa: E402

LOOPBACK = "--egress-allow=127.0.0.1"

PLAYBOOK = """
playbook: tell
triggers: [ { alert: 'alert.source == "door"' } ]
steps:
  - id: mail
    do: notify.email
    with:
      to: [ "Night shift <night@example.org>", "gone@elsewhere.example" ]
      cc: day@example.org
      reply_to: soc@example.org
      subject: "${{ alert.finding_info.title + '\\\\r\\\\nBcc: evil@example.org' }}"
      body: "${{ alert.finding_info.desc }}"
      html: true
      attachments:
        - { name: "alert.json", content: "${{ {'id': alert.id, 'ip': '203.0.113.7'} }}" }
        - { name: "Ünï.txt", content: "Grüße\\n" }
  - return: "${{ steps.mail.output }}"
"""

TITLE = "Überfall 🚨 " + "lang " * 60
BODY = "Line one\n.\n..\n.dot\nFrom me\n<script>alert(1)</script> & more\n" + "x" * 3000 + "\nÄÖÜ 東京 \n\nend"


def connect(server, relay, **settings):
    settings = {"host": "127.0.0.1", "port": relay.port, "from": "Tocsin <soc@example.org>",
                "ca_file": os.path.join(relay.folder, "ca.pem"), **settings}
    status, body, _ = server.call("PUT", "/api/v1/connections/mail",
                                  {"connector": "notify", "settings": settings, "default": True})
    expect(status in (200, 201), True, f"connection: {status} {body!r}")


def one_message(relay, box):
    found = until(lambda: relay.messages(box), f"a message for {box}: {relay.log()}")
    expect(len(found), 1, f"messages for {box}")
    return found[0]


def a_playbooks_mail_arrives_whole(folder):
    with postfix.Postfix(folder) as relay:
        server = Server(folder, LOOPBACK)
        connect(server, relay)
        server.publish(PLAYBOOK)
        event = {"title": TITLE, "description": BODY, "severity": "high"}
        run = server.post("/api/v1/events/door", event, 202)["events"][0]["runs"][0]
        shown = server.run_until(run, "succeeded", "failed")
        expect(shown["status"], "succeeded", f"run {shown!r}")
        expect((shown["output"]["recipients"], shown["output"]["refused"]), (2, ["gone@elsewhere.example"]),
               "output")
        night, day = one_message(relay, "night"), one_message(relay, "day")
        expect((night["Message-ID"], day["Message-ID"]), (shown["output"]["message_id"],) * 2, "Message-ID")
        check_headers(night)
        check_body(night)
        server.stop()


def check_headers(message):
    expect(message["From"].addresses[0].addr_spec, "soc@example.org", "From")
    expect([a.addr_spec for a in message["To"].addresses], ["night@example.org", "gone@elsewhere.example"], "To")
    expect(message["To"].addresses[0].display_name, "Night shift", "name")
    expect((message["Cc"], message["Reply-To"]), ("day@example.org", "soc@example.org"), "Cc, Reply-To")
    expect(message["Bcc"], None, "no header was added")
    subject = message["Subject"]
    expect(subject.startswith(TITLE.strip()) and subject.endswith("Bcc: evil@example.org"), True, "Subject " + subject)
    expect(message["Auto-Submitted"], "auto-generated", "Auto-Submitted")
    expect("ESMTPS" in message["Received"], True, "Received " + message["Received"])


def check_body(message):
    text = message.get_body(("plain",)).get_content()
    expect(text.replace("\r\n", "\n").rstrip("\n"), BODY.rstrip("\n"), "the text")
    html = message.get_body(("html",)).get_content()
    expect(("<script" in html, "&lt;script&gt;" in html), (False, True), "markup")
    files = {part.get_filename(): part.get_content() for part in message.iter_attachments()}
    expect(sorted(files), ["alert.json", "Ünï.txt"], "attachments")
    expect(files["Ünï.txt"], "Grüße\n", "attachment")
    expect(b'"203.0.113.7"' in files["alert.json"], True, "attachment")


def what_the_relay_refuses_is_told(folder):
    with postfix.Postfix(folder) as relay:
        server = Server(folder, LOOPBACK)
        connect(server, relay)
        send = """
playbook: one
triggers: [ {{ alert: 'alert.source == "door"' }} ]
steps:
  - do: notify.email
    with: {{ to: "{to}", subject: "x", body: "${{{{ alert.finding_info.desc }}}}" }}
"""
        for to, body, code in [("gone@elsewhere.example", "x", "smtp_554"),
                               ("nobody@example.org", "x", "smtp_550"),
                               ("soc@example.org", "x" * 120000, "mail_too_large")]:
            server.publish(send.format(to=to))
            event = {"title": code, "severity": "low", "description": body}
            run = server.post("/api/v1/events/door", event, 202)["events"][0]["runs"][0]
            shown = server.run_until(run, "succeeded", "failed")
            expect((shown["status"], shown["error"]["code"]), ("failed", code), f"run {str(shown)[:3000]}")
        server.stop()


def tried(server):
    status, body, _ = server.call("POST", "/api/v1/connections/mail/test", {})
    expect(status, 200, f"the connection's test: {body!r}")
    return body


def a_relay_that_is_not_trusted_gets_nothing(folder):
    with postfix.Postfix(folder) as relay:
        server = Server(folder, LOOPBACK)
        connect(server, relay, ca_file="/etc/ssl/certs/ca-certificates.crt")
        found = tried(server)
        expect((found["ok"], "not trusted" in str(found)), (False, True), str(found))
        connect(server, relay)
        expect(tried(server)["ok"], True, "with its CA")
        expect(one_message(relay, "soc")["Subject"], "Tocsin can send mail", "the test's mail")
        server.stop()


def a_relay_without_starttls_gets_nothing(folder):
    with postfix.Postfix(folder, tls="none") as relay:
        server = Server(folder, LOOPBACK)
        connect(server, relay)
        found = tried(server)
        expect((found["ok"], "STARTTLS" in str(found)), (False, True), str(found))
        connect(server, relay, tls="none")
        expect(tried(server)["ok"], True, "without TLS")
        one_message(relay, "soc")
        server.stop()


if __name__ == "__main__":
    main([a_playbooks_mail_arrives_whole, what_the_relay_refuses_is_told, a_relay_that_is_not_trusted_gets_nothing,
          a_relay_without_starttls_gets_nothing], lacking=postfix.missing())
