#!/usr/bin/python3
"""Reads `cofferdam doctor --json` from standard input and fails unless it says the mode that is given and the four
rules at level full."""

import json
import sys


def rows_of(value):
    """The rows with a rule and a level, wherever the document keeps them."""
    if isinstance(value, dict):
        if "rule" in value and "level" in value:
            return [value]
        value = list(value.values())
    return [row for entry in value for row in rows_of(entry)] if isinstance(value, list) else []


def wrong(document, mode):
    levels = {row["rule"]: row["level"] for row in rows_of(document)}
    bad = [f"{rule} is {levels.get(rule)}" for rule in ("storage", "database", "logs", "access") if levels.get(rule) != "full"]
    if document.get("mode") != mode:
        bad.append(f"mode is {document.get('mode')}, not {mode}")
    return bad


if __name__ == "__main__":
    problems = wrong(json.load(sys.stdin), sys.argv[1])
    if problems:
        sys.exit("doctor: " + "; ".join(problems))
