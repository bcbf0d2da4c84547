"""Reads a TensorFlow V2 checkpoint with numpy alone.

The index is a LevelDB table: blocks of (key, value) with the keys' common prefixes left out, and a
footer that points to the block that lists the blocks. A key is a variable's name, its value a
`BundleEntryProto`: dtype, shape, and where its bytes lie in the data shard. Formats:
tensorflow/core/lib/io/format.cc, tensorflow/core/protobuf/tensor_bundle.proto.
"""

import numpy as np

_MAGIC = 0xDB4775248B80FB57
_FOOTER_BYTES = 48
_FLOAT32 = 1  # DT_FLOAT of types.proto


def read(index: bytes, data: bytes) -> dict[str, np.ndarray]:
    """Every float32 variable of a checkpoint of one data shard.

    Parameters
    ----------
    index, data : bytes
        Contents of `<prefix>.index` and `<prefix>.data-00000-of-00001`.

    Returns
    -------
    dict of str to ndarray, float32
        Variables by name, the optimiser's included; other dtypes (counters) are left out.

    Raises
    ------
    ValueError
        If the bytes are not such a checkpoint, or end too early.
    """
    try:
        entries = dict(_table(index))
        if entries.pop("", None) is None:
            raise ValueError("not a TensorFlow V2 checkpoint (its index has no header)")
        found = ((name, _variable(entry, data)) for name, entry in entries.items())
        return {name: variable for name, variable in found if variable is not None}
    except (IndexError, UnicodeDecodeError, TypeError) as error:
        raise ValueError(f"not a TensorFlow V2 checkpoint ({error})") from error


def _table(table: bytes):
    """(key, value) of every entry of a LevelDB table."""
    footer = table[-_FOOTER_BYTES:]
    if int.from_bytes(footer[-8:], "little") != _MAGIC:
        raise ValueError("not a TensorFlow V2 checkpoint (its index has no LevelDB footer)")
    _, at = _varint(footer, 0)  # the meta index: offset and size
    _, at = _varint(footer, at)
    for _, handle in _block(table, *_pair(footer, at)):
        for key, value in _block(table, *_pair(handle, 0)):
            yield key.decode(), value


def _block(table: bytes, offset: int, size: int):
    """(key, value) of every entry of one block, the keys' shared prefixes put back."""
    block = table[offset : offset + size]
    if len(block) < size or table[offset + size] != 0:
        raise ValueError("the index is cut short, or compressed")
    n_restarts = int.from_bytes(block[-4:], "little")
    end = size - 4 * (n_restarts + 1)
    at, key = 0, b""
    while at < end:
        shared, at = _varint(block, at)
        fresh, at = _varint(block, at)
        length, at = _varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        at += fresh
        yield key, block[at : at + length]
        at += length


def _variable(entry: bytes, data: bytes) -> np.ndarray | None:
    fields = _message(entry)
    if fields.get(1) != [_FLOAT32]:
        return None
    dims = [_message(dim) for dim in _message(fields.get(2, [b""])[0]).get(2, [])]
    shape = tuple(dim.get(1, [0])[0] for dim in dims)
    offset, size = fields.get(4, [0])[0], fields.get(5, [0])[0]
    if size != 4 * int(np.prod(shape)) or offset + size > len(data):
        raise ValueError("the data shard is cut short, or is not the index's own")
    return np.frombuffer(data, "<f4", size // 4, offset).reshape(shape)


def _message(message: bytes) -> dict[int, list]:
    """Fields of a protobuf message by number: integers, and bytes of what is nested."""
    fields, at = {}, 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(message, at)
        else:
            length, at = {1: (8, at), 5: (4, at)}.get(wire) or _varint(message, at)
            value, at = message[at : at + length], at + length
        fields.setdefault(number, []).append(value)
    return fields


def _pair(buffer: bytes, at: int) -> tuple[int, int]:
    first, at = _varint(buffer, at)
    return first, _varint(buffer, at)[0]


def _varint(buffer: bytes, at: int) -> tuple[int, int]:
    """The little-endian base-128 integer at `at`, and where the next thing begins."""
    value = shift = 0
    while True:
        byte = buffer[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
