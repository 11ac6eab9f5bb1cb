import flask
import probe

app = flask.Flask(__name__)


@app.route("/")
def tried():
    return probe.tried()
