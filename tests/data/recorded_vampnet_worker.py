"""Stands in for vampnet_worker.py where VampNet is not installed: a recording of it, replayed.

It answers what the real worker has once answered (make_vampnet_recording.py), and ends on a request
that was never recorded.
"""

import hashlib
import json
import sys
from pathlib import Path

import numpy as np
from safetensors import safe_open

recording = np.load(Path(__file__).with_name("vampnet_recording.npz"))
conversation = json.loads(str(recording["conversation"]))
_folder, *weights, device = sys.argv[1:]
assert device == "cpu", "the recording was made on a CPU"
for path, digest in zip(weights, conversation["weights"], strict=True):
    with safe_open(path, framework="numpy") as file:
        about = json.loads(file.metadata()["musical_roots"])
    assert about["tensors_sha256"] == digest, "the recording was made with other weights"

print(json.dumps(conversation["ready"]), flush=True)
for line in sys.stdin:
    request = json.loads(line)
    audio, output = Path(request["audio"]), Path(request["output"])
    heard = {
        "request": request | {"audio": audio.name, "output": output.name},
        "prompt_sha256": hashlib.sha256(np.load(audio).tobytes()).hexdigest(),
    }
    at = [
        i
        for i, exchange in enumerate(conversation["exchanges"])
        if {"request": exchange["request"], "prompt_sha256": exchange["prompt_sha256"]} == heard
    ]
    assert at, f"the recording lacks this request: {heard}"
    arrays = {n.split(".")[1]: recording[n] for n in recording.files if n.startswith(f"{at[0]}.")}
    np.savez(output, **arrays)
    print(json.dumps({"written": str(output)}), flush=True)
