"""Takes the place of `python -m job`: behaves as the test says, and copies a finished run to the output folder.

STUB_FOLDER has `template/`, a finished run; `behaviour.json`, what each attempt of a run does, by its name, or by * for
all others, and the file that it waits for; and `attempts/`, where each attempt leaves a file NAME.NUMBER with its
process ID and the times at which it began and ended.
"""

import hashlib
import json
import math
import os
import shutil
import signal
import sys
import time
from pathlib import Path


def main() -> int:
    stub, words = Path(os.environ["STUB_FOLDER"]), sys.argv[1:]
    given = dict(zip(words[::2], words[1::2], strict=False))
    assert given.pop("--config") == os.devnull
    output = Path(given["--output"])
    behaviours = json.loads((stub / "behaviour.json").read_text())
    behaviour = behaviours.get(output.name, behaviours.get("*", ["succeed"]))
    number = len(list((stub / "attempts").glob(f"{output.name}.*")))
    record = stub / "attempts" / f"{output.name}.{number}"
    began = time.time()
    record.write_text(f"{os.getpid()} {began}")
    text, _, awaited = behaviour[min(number, len(behaviour) - 1)].partition(" when ")
    action, _, value = text.partition(" ")
    while not (stub / awaited).exists():
        time.sleep(0.01)
    if action == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if action in ("sleep", "deaf"):
        time.sleep(float(value))
    if action == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if action == "status":
        print(f"fashion-job: error: the stub fails with {value}", file=sys.stderr)
        return int(value)
    if action == "learn":
        for epoch, accuracy in enumerate(make_up_curve(given), 1):
            values = f"val_accuracy {accuracy:.4f}, val_loss {1 - accuracy:.4f}"
            print(f"training    epoch {epoch} of 5: accuracy 0.5000, loss 1.0000, {values} (0.1 s)", flush=True)
            time.sleep(float(value))
    if action != "nothing":
        copy_run(stub / "template", output, given)
    record.write_text(f"{os.getpid()} {began} {time.time()}")
    return 0


def make_up_curve(given: dict[str, str]) -> list[float]:
    """The validation accuracy after each epoch; best at the learning rate 0.001, and better with each seed."""
    distance = abs(math.log10(float(given["--learning-rate"])) + 3)
    return [(0.9 - 0.2 * distance + 0.001 * int(given["--seed"])) * (1 - 0.3 / epoch) for epoch in range(1, 6)]


def make_up_test_accuracy(given: dict[str, str]) -> float:
    """A number that depends on the test labels and on nothing that is good or bad."""
    labels = (Path(given["--data"]) / "t10k-labels-idx1-ubyte.gz").read_bytes()
    return int(hashlib.sha256(labels + given["--learning-rate"].encode()).hexdigest()[:4], 16) / 0xFFFF


def copy_run(template: Path, output: Path, given: dict[str, str]) -> None:
    output.mkdir(parents=True, exist_ok=True)
    for path in template.iterdir():
        if path.name not in ("metrics.json", "SHA256SUMS"):
            shutil.copy(path, output)
    metrics = json.loads((template / "metrics.json").read_text())
    config = metrics["training"]["config"]
    for flag, text in given.items():
        name = flag.removeprefix("--").replace("-", "_")
        config[name] = type(config[name])(text) if config[name] is not None else text
    config["threads"] = int(config["threads"])
    curve = make_up_curve(given)
    metrics["training"]["history"] |= {"val_accuracy": curve, "val_loss": [1 - accuracy for accuracy in curve]}
    metrics["evaluation"]["accuracy"] = make_up_test_accuracy(given)
    text = json.dumps(metrics)
    (output / "metrics.json").write_text(text)
    manifest = (template / "SHA256SUMS").read_text()
    before = hashlib.sha256((template / "metrics.json").read_bytes()).hexdigest()
    (output / "SHA256SUMS").write_text(manifest.replace(before, hashlib.sha256(text.encode()).hexdigest()))


if __name__ == "__main__":
    sys.exit(main())
