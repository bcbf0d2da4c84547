"""The schema and config/README.md, generated from the config's models."""

import json
from collections.abc import Iterator

import yaml

from musical_roots.config.base import Section, Switch
from musical_roots.config.experiments import Perturbation
from musical_roots.config.whole import Config


def schema() -> str:
    """JSON schema of the config, as YAML: for editors and the Snakemake workflow catalogue."""
    return yaml.safe_dump(
        Config.model_json_schema(), sort_keys=False, allow_unicode=True, width=100
    )


def reference() -> str:
    """config/README.md: every key, its type, default and meaning."""
    head = (
        "# Configuration\n\n"
        "`config.yaml` is the embedded study. Any other file here is an overlay that holds only "
        "what differs:\n`snakemake --cores 2 --configfile config/tiny.yaml`, or "
        "`make study CONFIG=config/tiny.yaml`.\n"
        "`expected*.yaml` list the claims that results are held against; `corpora/` the recordings."
        "\n\nThis page and `workflow/schemas/config.schema.yaml` are generated from "
        "`src/musical_roots/config/`\nby `python -m musical_roots config reference`.\n\n"
        "| key | type | default | meaning |\n|---|---|---|---|\n"
    )
    return head + "\n".join(_reference(Config, "")) + "\n"


def _reference(section: type[Section], prefix: str) -> Iterator[str]:
    defaults = section()
    for name, field in section.model_fields.items():
        default = getattr(defaults, name)
        if isinstance(default, Perturbation):
            flat = json.dumps(default.levels)
            yield f"| `{prefix}{name}.levels` | list of number | `{flat}` | {field.description} |"
            yield f"| `{prefix}{name}.activate` | bool | `true` | Whether it takes part. |"
            yield from list(_reference(type(default), f"{prefix}{name}."))[2:]
        elif isinstance(default, Switch):
            flat = json.dumps(default.activate)
            yield f"| `{prefix}{name}.activate` | bool | `{flat}` | {field.description} |"
            yield from list(_reference(type(default), f"{prefix}{name}."))[1:]
        elif isinstance(default, Section):
            yield from _reference(type(default), f"{prefix}{name}.")
        elif isinstance(default, dict):
            names = ", ".join(f"`{key}`" for key in default)
            yield f"| `{prefix}{name}.<name>` | section | {names} | {field.description} |"
        else:
            kind = _type_name(section.model_json_schema()["properties"][name])
            flat = json.dumps(default)
            yield f"| `{prefix}{name}` | {kind} | `{flat}` | {field.description} |"


def _type_name(schema: dict) -> str:
    if "enum" in schema:
        return " or ".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type_name(part) for part in schema["anyOf"])
    if schema["type"] == "array":
        return f"list of {_type_name(schema['items'])}"
    return schema["type"]
