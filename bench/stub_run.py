"""Takes the place of a training in `bench.sweep`: waits, and writes the folder of a finished run. Loads no package."""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

METRICS, CHECKSUMS = "metrics.json", "SHA256SUMS"


def run_stub(template: Path, seconds: float, output: Path, seed: int) -> None:
    """Take the place of a training: wait, and write the folder of a finished run."""
    time.sleep(seconds)
    output.mkdir(parents=True)
    for path in template.iterdir():
        if path.name not in (METRICS, CHECKSUMS):
            os.link(path, output / path.name)
    metrics = json.loads((template / METRICS).read_text(encoding="utf-8"))
    metrics["training"]["config"]["seed"] = seed
    text = json.dumps(metrics)
    (output / METRICS).write_text(text, encoding="utf-8")
    before, after = (hashlib.sha256(each).hexdigest() for each in ((template / METRICS).read_bytes(), text.encode()))
    manifest = (template / CHECKSUMS).read_text(encoding="utf-8")
    (output / CHECKSUMS).write_text(manifest.replace(before, after), encoding="utf-8")


if __name__ == "__main__":
    run_stub(Path(sys.argv[1]), float(sys.argv[2]), Path(sys.argv[3]), int(sys.argv[4]))
