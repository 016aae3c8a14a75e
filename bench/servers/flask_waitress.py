"""Flask on waitress. Arguments: output folder of a run, port."""

import sys

from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue
from waitress import serve

from bench.servers.network import load

app = Flask(__name__)
classify = load(sys.argv[1])


@app.post("/predict")
def predict() -> ResponseReturnValue:
    """Classify images."""
    return jsonify(predictions=classify(request.get_json()["instances"]))


if __name__ == "__main__":
    serve(app, host="127.0.0.1", port=int(sys.argv[2]))
