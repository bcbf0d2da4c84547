"""YAML as people write it: a key that stands twice is a mistake, which PyYAML passes over."""

import yaml


class _Once(yaml.SafeLoader):
    """Refuses a key that stands twice in one place; a key may be merged in and given anew."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode):
                continue
            line = key.start_mark.line + 1
            first = lines.setdefault(key.value, line)
            if first != line:
                raise yaml.constructor.ConstructorError(
                    problem=f"key {key.value} stands twice, in lines {first} and {line}, and the"
                    " first would not count; make them one"
                )
        return super().construct_mapping(node, deep)


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
    return yaml.load(text, _Once)
