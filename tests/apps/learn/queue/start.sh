# As many a container starts its programs: no exec, so this shell is the entry.
python3 -m celery --app tasks worker --concurrency 1 --loglevel WARNING --statedb "$DATA/celery-state" &
gunicorn --bind "127.0.0.1:$PORT" web:app
