import os

import celery
import redis

app = celery.Celery("tasks", broker=os.environ["REDIS_URL"])


@app.task
def work():
    redis.Redis.from_url(os.environ["REDIS_URL"]).incr("done")
