#!/usr/bin/python3
"""Secrets do not leave the instance: not to the console, a file, a server, the spill or the fallback."""

import base64
import json
import os
import urllib.parse

from harness import check, equal, free_port, main, test

VALUE = "pa55/wörd\"+of the shop"
KEY = ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSj", "AgEAAoIBAQC7VJTUt9Us8cKjMzEfYyjiWA4R4ypbHqGC"]

# What the app prints, and what of it nobody may see.
LINES = [
    ("connect postgres://app:s3cretOfUrl@db:5432/shop", "s3cretOfUrl"),
    ("Authorization: Bearer tokenOfTheHeader.abc", "tokenOfTheHeader"),
    ('{"headers":{"cookie":"sid=sessionOfBob; theme=dark"}}', "sessionOfBob"),
    ("\x1b[36mpassword\x1b[0m=\x1b[35mcolouredSecret1\x1b[0m", "colouredSecret1"),
    ("login DB_PASSWORD=crlfSecret9\r", "crlfSecret9"),
    ("aws AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPLE"),
    ("-----BEGIN PRIVATE KEY-----", "BEGIN PRIVATE"),
    *((line, line) for line in KEY),
    ("-----END PRIVATE KEY-----", "END PRIVATE"),
    (json.dumps({"key": "-----BEGIN PRIVATE KEY-----\n" + KEY[0] + "\n-----END PRIVATE KEY-----\n"}), KEY[0]),
    (f"value {VALUE} as it is", VALUE),
    (json.dumps({"value": VALUE}), "pa55/w"),
    ("url " + urllib.parse.quote(VALUE), "pa55"),
    ("url " + urllib.parse.quote_plus(VALUE), "pa55"),
    ("Basic " + base64.b64encode(b"shop:" + VALUE.encode()).decode(), base64.b64encode(b":" + VALUE.encode()).decode()[4:20]),
    # Records end within the value, whatever their size is.
    ("x" * 900 + " " + VALUE + " " + "y" * 200, VALUE),
    ("x" * 5000 + VALUE + "y" * 5000, VALUE),
]
CLEAN = [
    "commit 9fceb02d0ae598e95dc970b74767f19372d61af8",
    "password reset mail was sent",
    "Authorization required",
    "GET /orders/123e4567-e89b-12d3-a456-426614174000 200",
]


def policy(place, sinks, parse=""):
    rows = "".join(f"    - {{{row}}}\n" for row in sinks)
    place.file("cofferdam.yaml", "version: 1\nextends: twelve-factor\nlogs:\n"
               f"  max_record: 1KiB\n  shutdown_timeout: 1s\n  spill: {{path: {place.out}/spool}}\n"
               f"  parse: {{redact: all, redact_values: [\"SHOP_*\"]{parse}}}\n  sinks:\n{rows}")


def run(place):
    place.file("lines", "".join(line + "\n" for line, _ in LINES) + "".join(line + "\n" for line in CLEAN))
    return place.sh("cat lines", env={"SHOP_PASSWORD": VALUE})


def secrets_in(text):
    return sorted({secret for _, secret in LINES if secret.encode() in text})


def everything_below(directory):
    content = b""
    for folder, _, files in os.walk(directory):
        for name in files:
            with open(os.path.join(folder, name), "rb") as file:
                content += file.read()
    return content


def messages(text):
    return "".join(json.loads(line).get("message", "") + "\n" for line in text.decode().splitlines())


@test
def no_sink_sees_a_secret(place):
    log = os.path.join(place.out, "app.log")
    policy(place, ["type: console, format: json", f"type: file, path: {log}, format: raw"])
    result = run(place)
    equal(result.code, 0, f"exit status ({result.err})")
    equal(secrets_in(result.out), [], "secrets on the console")
    equal(secrets_in(messages(result.out).encode()), [], "secrets in the messages")
    equal(secrets_in(everything_below(place.out)), [], "secrets in the file, the report and the events")
    for line in CLEAN:
        check(line.encode() in result.out, f"{line!r} was changed")


@test
def nothing_is_spilled_that_is_secret(place):
    policy(place, [f'type: otlp, endpoint: "http://127.0.0.1:{free_port()}", when_full: spill, '
                   f"fallback: {place.out}/fallback"])
    result = run(place)
    equal(result.code, 0, f"exit status ({result.err})")
    spilled = everything_below(os.path.join(place.out, "spool"))
    check(b"[REDACTED:value:" in spilled, "the records are not in the spill")
    equal(secrets_in(everything_below(place.out)), [], "secrets in the spill")


@test
def colours_hide_nothing_when_they_are_stripped(place):
    policy(place, ["type: console, format: json"], ", ansi: strip")
    place.file("lines", "pass\x1b[1mword=hidden\x1b[0mSecret7 x\n")
    result = place.sh("cat lines")
    check(b"hidden" not in result.out and b"Secret7" not in result.out, f"{result.out!r}")


@test
def a_value_that_comes_in_two_writes_is_one(place):
    policy(place, ["type: console, format: json"])
    half = len(VALUE) // 2
    result = place.python(f"import sys, time\nfor part in ({'a ' + VALUE[:half]!r}, {VALUE[half:] + ' b' + chr(10)!r}):\n"
                          "  sys.stdout.write(part); sys.stdout.flush(); time.sleep(0.3)", env={"SHOP_PASSWORD": VALUE})
    equal(secrets_in(result.out), [], "secrets")
    check("[REDACTED:value:" in json.loads(result.out)["message"], f"{result.out!r}")


if __name__ == "__main__":
    main()
