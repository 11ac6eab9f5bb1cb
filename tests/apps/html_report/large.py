"""Prints a report of 100,000 lost files, as cofferdam writes it."""

import json

TIME = "2026-01-31T12:00:00.000000000Z"
WRITER = {"pid": 7, "exe": "/usr/bin/python3", "argv": ["gunicorn", "shop.wsgi"], "lineage": ["gunicorn"], "count": 1,
          "first": TIME, "last": TIME}
LOST = [{"instance": "web.1", "path": f"/srv/shop/data/{i // 1000}/{i % 1000 // 50}/{i}.json", "type": "file",
         "change": "created", "bytes": i, "class": "file", "writers": [WRITER], "first": TIME, "last": TIME}
        for i in range(100_000)]
POINTS = [{"writes": 400 + i, "connections": i % 7, "refused": i % 3, "log_bytes": i * 100} for i in range(240)]
print(json.dumps({"v": 1, "cofferdam": "0.1.0", "command": ["gunicorn", "shop.wsgi"], "policy": "django", "mode": "local",
                  "started": TIME, "ended": TIME, "enforcement": [], "lost": LOST, "folded": [], "kept": [],
                  "instances": [{"name": "web.1", "exit": {"code": 0, "signal": None}, "restarts": 0, "memory_peak": 1}],
                  "findings": [], "connections": [], "logs": {}, "storage": [],
                  "timeline": {"start": TIME, "width_ms": 100, "points": POINTS},
                  "audit": {"events": 100_000, "disagreements": 0}}))
