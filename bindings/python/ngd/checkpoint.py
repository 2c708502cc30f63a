"""Checkpoints: a look into any safetensors file, as a mapping from tensor names to arrays."""

import ctypes
from typing import Dict, Iterator, List

from . import _raw
from ._arrays import address, need_numpy
from ._handle import Handle
from ._library import call, library, new_struct, path_bytes
from .errors import NotFoundError
from .tensor import TensorInfo, tensor_info


class Checkpoint(Handle):
    """An open safetensors file.

        with ngd.Checkpoint("model.safetensors") as checkpoint:
            print(checkpoint.metadata)
            for name in checkpoint:
                print(checkpoint.info(name), checkpoint[name].mean())
    """

    _type = "checkpoint"

    def __init__(self, path):
        self._handle = ctypes.c_void_p()
        self._path = path
        call(library.ngd_checkpoint_open, path_bytes(path), ctypes.byref(self._handle))
        self._infos: List[TensorInfo] = []
        raw = new_struct(_raw.ngd_tensor_info)
        for index in range(library.ngd_checkpoint_tensor_count(self._handle)):
            self._call("tensor", index, raw)
            self._infos.append(tensor_info(raw))
        self._index = {info.name: index for index, info in enumerate(self._infos)}

    def _find(self, name: str) -> int:
        self._open()
        if name not in self._index:
            raise NotFoundError(f"no tensor {name!r} in {self._path}; it has: {', '.join(self._index)}")
        return self._index[name]

    def __len__(self) -> int:
        return len(self._infos)

    def __iter__(self) -> Iterator[str]:
        return iter(self._index)

    def __contains__(self, name: object) -> bool:
        return name in self._index

    def info(self, name: str) -> TensorInfo:
        """Name, element type in the file, and shape of a tensor."""
        return self._infos[self._find(name)]

    def __getitem__(self, name: str):
        """A tensor's elements as a float64 array, whatever type they have in the file."""
        index = self._find(name)
        info = self._infos[index]
        values = need_numpy().empty(info.shape)
        self._call("read_f64", index, address(values), info.elements)
        return values

    def __setitem__(self, name, value):
        raise TypeError("a checkpoint is read-only")

    @property
    def metadata(self) -> Dict[str, str]:
        """The texts stored beside the tensors."""
        texts = {}
        key, text = ctypes.c_char_p(), ctypes.c_char_p()
        for index in range(library.ngd_checkpoint_text_count(self._open())):
            self._call("text", index, ctypes.byref(key), ctypes.byref(text))
            texts[key.value.decode()] = text.value.decode()
        return texts

    def __repr__(self) -> str:
        return f"<closed Checkpoint>" if self.closed else f"Checkpoint({str(self._path)!r}, {len(self)} tensors)"
