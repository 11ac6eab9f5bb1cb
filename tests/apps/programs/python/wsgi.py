import probe


def application(_environment, start_response):
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [probe.tried().encode()]
