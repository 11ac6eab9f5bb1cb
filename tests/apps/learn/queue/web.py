import os

import flask
import redis

import tasks

app = flask.Flask(__name__)


@app.post("/ask")
def ask():
    tasks.work.delay()
    return {"asked": True}


@app.get("/done")
def done():
    return {"done": int(redis.Redis.from_url(os.environ["REDIS_URL"]).get("done") or 0)}
