import os

import celery
import probe

app = celery.Celery("tasks", broker=os.environ["REDIS_URL"])


@app.task
def work():
    probe.say()


if __name__ == "__main__":  # who asks for work
    work.delay()
