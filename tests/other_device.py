"""A GPU where there is none: a device that torch calls cuda, and that the CPU computes for.

A tensor moved there is wrapped; an operation on it is done on what is `held`. As on a real device,
tensors of two devices do not mix, and a tensor becomes an array only once it is back. A CUDA graph
is recorded without effect, waits for nothing, and computes anew from the same tensors when it is
replayed. What does not show: autocast, rounding, memory, streams, speed.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from threading import get_ident
from unittest.mock import MagicMock, patch

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only

CUDA = torch.device("cuda", 0)
STAND_IN = torch.device("meta")  # what torch itself takes the device for: that needs no driver
COPY, MOVE = torch.ops.aten.copy_.default, torch.ops.aten._to_copy.default
WAITS = {torch.Tag.dynamic_output_shape, torch.Tag.data_dependent_output}
FOUND = {"is_available": True, "is_bf16_supported": True, "is_current_stream_capturing": False}
done = []  # operations on the device
graphs = []  # the one that records
threads = set()  # that asked for them
unwaited = []  # copies to the device or from it that the asking thread does not wait for


class Tensor(torch.Tensor):
    device, is_cuda = CUDA, True
    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, held: torch.Tensor):
        held = held.resolve_conj()  # a wrapper would lose the note that it is still to be done
        made = torch.Tensor._make_wrapper_subclass(
            cls, held.shape, strides=held.stride(), dtype=held.dtype, device=STAND_IN
        )
        made.held = held
        return made

    @classmethod
    def __torch_dispatch__(cls, operation, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        tensors = _tensors((args, kwargs))
        there = {id(tensor.held): tensor for tensor in tensors if isinstance(tensor, cls)}
        mixed = any(tensor.dim() for tensor in tensors if not isinstance(tensor, cls))
        if there and mixed and operation not in (COPY, MOVE):
            raise RuntimeError(f"{operation}: expected all tensors to be on the same device")
        onto = isinstance(args[0], cls) if operation is COPY else bool(there)
        if kwargs.get("device") is not None:
            onto = kwargs["device"] == STAND_IN
            kwargs = kwargs | {"device": torch.device("cpu")}
        if operation in (COPY, MOVE) and (kwargs.get("non_blocking") or True in args[2:]):
            unwaited.append(operation)
        args, kwargs = tree_map_only(cls, lambda tensor: tensor.held, (args, kwargs))
        if graphs and there:
            made = graphs[-1].record(operation, args, kwargs, waits=not onto)
        else:
            made = operation(*args, **kwargs)
        if not onto:
            return made
        done.append(operation)
        threads.add(get_ident())
        return tree_map_only(torch.Tensor, lambda new: there.get(id(new), cls(new)), made)


class Graph:
    """Operations that are done again, into the tensors that they were first done into."""

    def __init__(self):
        self.operations, self.before = [], []

    def record(self, operation, args, kwargs, waits: bool):
        if waits or WAITS & set(operation.tags):
            raise RuntimeError(f"{operation}: not permitted when stream is capturing")
        names = [argument.name for argument in operation._schema.arguments if argument.is_write]
        given = dict(zip((a.name for a in operation._schema.arguments), args, strict=False))
        written = _tensors([(given | kwargs).get(name) for name in names])
        self.before += [(tensor, tensor.clone()) for tensor in written]
        made = operation(*args, **kwargs)
        self.operations.append((operation, args, kwargs, _tensors(made)))
        return made

    @torch.no_grad()
    def undo(self) -> None:
        for tensor, value in reversed(self.before):
            tensor.copy_(value)

    @torch.no_grad()
    def replay(self) -> None:
        for operation, args, kwargs, made in self.operations:
            for old, new in zip(made, _tensors(operation(*args, **kwargs)), strict=True):
                if new.data_ptr() != old.data_ptr():  # else a view, or done in place
                    old.copy_(new)


def _tensors(tree) -> list[torch.Tensor]:
    return [leaf for leaf in tree_leaves(tree) if isinstance(leaf, torch.Tensor)]


@contextmanager
def recording(graph: Graph, stream: object = None) -> Iterator[None]:
    graphs.append(graph)
    try:
        yield
    finally:
        graphs.remove(graph)
    graph.undo()


class _Dispatched(TorchDispatchMode):
    def __torch_dispatch__(self, *operation):
        return Tensor.__torch_dispatch__(*operation)


class _Renamed(TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        names = {"cuda": "meta", torch.device("cuda"): STAND_IN, CUDA: STAND_IN}
        told = tree_map_only((str, torch.device), lambda n: names.get(n, n), (args, kwargs or {}))
        return function(*told[0], **told[1])


STAND_INS = {"CUDAGraph": Graph, "graph": recording, "Stream": MagicMock, "stream": nullcontext}
STAND_INS |= {"current_stream": MagicMock, "synchronize": MagicMock}


@contextmanager
def found(free: int = 8 << 30) -> Iterator[None]:
    """torch finds the device, with so many bytes free."""
    for noted in (done, threads, unwaited):
        noted.clear()
    with ExitStack() as stack:
        for name, answer in (FOUND | {"mem_get_info": (free, free)}).items():
            stack.enter_context(patch.object(torch.cuda, name, lambda answer=answer: answer))
        for name, stand_in in STAND_INS.items():
            stack.enter_context(patch.object(torch.cuda, name, stand_in))
        stack.enter_context(patch.object(torch.Tensor, "pin_memory", lambda tensor: tensor))
        # inference tensors have no views of wrappers
        stack.enter_context(patch.object(torch, "inference_mode", torch.no_grad))
        stack.enter_context(_Dispatched())
        stack.enter_context(_Renamed())
        yield
