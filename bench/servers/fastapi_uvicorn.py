"""FastAPI on uvicorn. Arguments: output folder of a run, port."""

import sys

import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

from bench.servers.network import load

app = FastAPI()
classify = load(sys.argv[1])


class Query(BaseModel):
    """The body of a request."""

    instances: list[list[list[float]]]


@app.post("/predict")
def predict(query: Query) -> dict[str, list[list[float]]]:
    """Classify images."""
    return {"predictions": classify(query.instances)}


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
