"""The shop as production would have it: python3 -m pytest examples/pytest"""

import os
import socket
import urllib.request

import pytest

import cofferdam

HERE = os.path.dirname(os.path.abspath(__file__))


@pytest.fixture(name="database")
def fixture_database():
    """Something that listens; nobody needs to answer."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture(name="shop")
def fixture_shop(database):
    """Starts the shop; `visit` asks it for a page, and leaving the block ends it."""
    policy = f"""
        database: {{ports: [{database}]}}
        environment: {{set: {{DB_PORT: "{database}"}}}}
    """
    with cofferdam.run("/usr/bin/python3", "shop.py", policy_text=policy, cwd=HERE) as app:
        port = app.wait_for(r"listening on (\d+)")[1]

        def visit(path, data=None):
            with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", data, timeout=10) as answer:
                return answer.read().decode()

        app.visit = visit
        yield app


def test_the_app_itself_may_use_the_database(shop, database):
    assert shop.visit("/health") == "ok"
    shop.stop()
    assert ("shop.py", f"127.0.0.1:{database}") in shop.connections("allowed")
    assert shop.findings() == []


def test_a_script_of_the_app_may_not(shop, database):
    assert shop.visit("/backup") == "failed"
    shop.stop()
    assert [destination for _, destination in shop.connections("refused")] == [f"127.0.0.1:{database}"]
    assert shop.findings("CD202")  # its text prints the row of app.also that would let the script in


def test_an_upload_beside_the_code_is_lost(shop):
    assert shop.visit("/upload", b"\x89PNG") == "stored"
    shop.stop()
    assert shop.lost("uploads/*.png") == [os.path.join(HERE, "uploads/photo.png")]
    assert not os.path.exists(os.path.join(HERE, "uploads"))


def test_events_have_no_holes(shop):
    shop.visit("/health")
    shop.stop()
    assert [event["seq"] for event in shop.events] == list(range(1, len(shop.events) + 1))
    assert shop.events[0]["event"] == "started" and shop.events[-1]["event"] == "exited"


def test_a_policy_with_a_mistake_is_no_pass():
    with pytest.raises(AssertionError, match="unknown key 'egres'(.|\n)*did you mean 'egress'"):
        cofferdam.run("true", policy_text="network: {egres: deny}").finish()
