"""libngd: optimizers, models and training as one small C library.

    import ngd
    data = ngd.Dataset.load("LetterRecognition.csv", label="lettr")
    train, held_out = data.split(0.2)
    model = ngd.Model("mlp", hidden="64x32").fit(train, held_out=held_out, optimizer="ngd:learning_rate=0.01", epochs=10)
    print(model.evaluate(held_out).accuracy)

NumPy is needed wherever arrays go in or come out, and only there.
"""

from ._handle import Option
from ._library import LibraryError, library_path, version
from ._client_commands import ClientInfo, Lock, Partition
from .checkpoint import Checkpoint
from .client import Client
from .dataset import Dataset, dataset_formats
from .errors import (AccessError, ArgumentError, BufferSizeError, CallbackError, CancelledError, CheckpointError, ClosedError,
                     ConflictError, ExpiredError, FencedError, LimitError, LineageError, UnavailableError,
                     DataError, DeadlineError, DivergedError, FileError, ForkedError, InternalError, NgdError,
                     NotFiniteError, NotFoundError, OptionError, OutOfMemoryError, ProtocolError, RangeError,
                     ShapeError, StateError, UnsupportedError)
from .icea import Icea, IceaInfo, IceaSample, IceaScores
from .initializer import initialize, initializer_kinds
from .key import generate_key
from .model import Metrics, Model, model_kinds
from .optimizer import Optimizer, optimizer_rules
from .search import Importance, Search, SearchInfo, Trial, TrialInfo, parameter_kinds
from .server import Server
from .tensor import TensorInfo
from .ticket import Ticket
from .trainer import Event, Trainer
from .vectors import Coverage, Neighbour, Vectors, VectorsInfo, VectorsProgress

__version__ = "0.1.0"

__all__ = [
    "AccessError", "ArgumentError", "BufferSizeError", "CallbackError", "CancelledError", "Checkpoint",
    "CheckpointError", "Client", "ClientInfo", "ClosedError", "ConflictError", "Coverage", "DataError", "Dataset",
    "DeadlineError", "DivergedError", "Event", "ExpiredError", "FencedError", "FileError", "ForkedError", "Icea",
    "IceaInfo", "IceaSample", "IceaScores", "Importance", "InternalError", "LibraryError", "LimitError", "LineageError",
    "Lock", "Metrics", "Model", "Neighbour", "NgdError", "NotFiniteError", "NotFoundError", "Optimizer", "Option",
    "OptionError", "OutOfMemoryError", "Partition", "ProtocolError", "RangeError", "Search", "SearchInfo", "Server",
    "ShapeError", "StateError", "TensorInfo", "Ticket", "Trainer", "Trial", "TrialInfo", "UnavailableError",
    "UnsupportedError", "Vectors", "VectorsInfo", "VectorsProgress", "dataset_formats", "generate_key", "initialize",
    "initializer_kinds", "library_path", "model_kinds", "optimizer_rules", "parameter_kinds", "version",
]
