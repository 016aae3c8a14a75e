"""What a newcomer writes: Flask's own server and `model.predict`. Arguments: output folder of a run, port."""

import sys

import keras
import numpy as np
from flask import Flask, jsonify, request
from flask.typing import ResponseReturnValue

app = Flask(__name__)
model = keras.models.load_model(f"{sys.argv[1]}/model.keras")


@app.post("/predict")
def predict() -> ResponseReturnValue:
    """Classify images."""
    images = np.array(request.get_json()["instances"])
    return jsonify(predictions=model.predict(images, verbose=0).tolist())


if __name__ == "__main__":
    app.run(port=int(sys.argv[2]))
