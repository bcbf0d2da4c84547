"""YAML as people write it: a key that stands twice is a mistake, which PyYAML passes over."""

from collections.abc import Iterator

import yaml

MERGE = "tag:yaml.org,2002:merge"  # `<<`, which may stand more than once


def load(text: str) -> object:
    """What a text in YAML holds.

    Parameters
    ----------
    text : str

    Raises
    ------
    yaml.YAMLError
        If it is no YAML, or a key stands twice.

    Examples
    --------
    >>> load("seed: 1")
    {'seed': 1}
    """
    loader = yaml.SafeLoader(text)
    node = loader.get_single_node()
    for mapping in _mappings(node):
        lines: dict[tuple[str, object], int] = {}
        for key, _ in mapping.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value)
            if name in lines:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value} stands twice, in lines {lines[name]} and {line}, and"
                    " the first would not count; make them one"
                )
            lines[name] = line
    return None if node is None else loader.construct_document(node)


def _mappings(node: yaml.Node | None) -> Iterator[yaml.MappingNode]:
    """All mappings of a document, each once, though aliases lead to it."""
    waiting, seen = [node], set()
    while waiting:
        here = waiting.pop()
        if id(here) in seen:
            continue
        seen.add(id(here))
        if isinstance(here, yaml.MappingNode):
            yield here
            waiting += [part for pair in here.value for part in pair]
        elif isinstance(here, yaml.SequenceNode):
            waiting += here.value
