"""What optimizers, models and checkpoints tell about a tensor."""

from typing import NamedTuple, Tuple

from . import _raw


class TensorInfo(NamedTuple):
    """Name, element type ("F32", "F64", ...) and shape of a tensor."""

    name: str
    dtype: str
    shape: Tuple[int, ...]

    @property
    def elements(self) -> int:
        count = 1
        for size in self.shape:
            count *= size
        return count


def tensor_info(raw: _raw.ngd_tensor_info) -> TensorInfo:
    return TensorInfo(raw.name.decode(), raw.dtype.decode(), tuple(raw.shape[:raw.rank]))
