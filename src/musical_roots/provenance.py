"""What made a result: the versions, the machine, the training."""

import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import distributions
from pathlib import Path

import pandas as pd

PACKAGE = Path(__file__).parent
TAKEN = (
    "taken_from"  # where a file of weights is from, if it was not trained by the run that has it
)


def described(config: dict, encoders: list[dict]) -> dict[str, pd.DataFrame]:
    """What made a run's results, as tables by heading.

    Parameters
    ----------
    config : dict
        The whole config.
    encoders : list of dict
        What features say of the encoder that made them, an encoder each.
    """

    def pairs(values: dict) -> pd.DataFrame:
        return pd.DataFrame(values.items(), columns=["name", "value"])

    return {
        "Run": pairs(environment() | {"seed": config["seed"]}),
        "Encoders": pd.DataFrame(encoders),
        "Config": pairs(pd.json_normalize(config).iloc[0].to_dict()),
        "Installed packages": pairs(versions()),
    }


def versions() -> dict[str, str]:
    """Name -> version of every installed distribution."""
    found = {dist.metadata["Name"].lower(): dist.version for dist in distributions()}
    return dict(sorted(found.items()))


def environment() -> dict[str, str]:
    """Commit, Python, system and processor, for the report."""
    return {
        "commit": commit(),
        "python": sys.version.split()[0],
        "system": f"{platform.system()} {platform.machine()}",
        "processor": processor(),
    }


def commit() -> str:
    """The git commit of the working folder, marked if there are changes; "unknown" outside git."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=PACKAGE, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return done.stdout.strip()


def processor(device: str = "cpu") -> str:
    """Name of the processor, or of the GPU where `device` is "cuda"."""
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


def trained_here(seed: int, trained_on: Iterable[str], device: str, **how) -> dict:
    """What the file of a model says of its training: the seed, the track_ids, how, and on what."""
    about = {"source": f"trained here, seed {seed}", "trained_on": sorted(trained_on)}
    return about | how | {"processor": processor(device)}
