#!/usr/bin/python3
"""A visitor, as `cofferdam rehearse --drive` calls him: leaves something in run 1 and comes back in run 2.

    visit.py upload|session PORT FILE      FILE: what he takes home (his cookie)
"""

import json
import os
import sys
import urllib.error
import urllib.request

FIRST = os.environ["COFFERDAM_REHEARSAL"] == "1"
PAYLOAD = b"the minutes of the meeting"


def ask(port, path, data=None, headers=None):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data, headers=headers or {})
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.read(), answer.headers


def upload(port, _):
    if FIRST:
        ask(port, "/attachments?name=minutes.txt", PAYLOAD)
    numbers = json.loads(ask(port, "/attachments")[0])["numbers"]
    print("attachments:", numbers)
    return ask(port, f"/attachments/{numbers[-1]}")[0] == PAYLOAD


def session(port, file):
    if FIRST:
        body, headers = ask(port, "/")
        with open(file, "w", encoding="utf-8") as jar:
            jar.write(headers["Set-Cookie"].split(";")[0])
        wanted = b"2"
    else:
        wanted = b"3"
    with open(file, encoding="utf-8") as jar:
        body, _ = ask(port, "/", headers={"Cookie": jar.read()})
    print("visits:", body.decode())
    return body == wanted


try:
    happy = {"upload": upload, "session": session}[sys.argv[1]](int(sys.argv[2]), sys.argv[3])
except urllib.error.HTTPError as error:
    print(error)
    happy = False
sys.exit(0 if happy else 1)
