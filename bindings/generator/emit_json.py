"""Writes the model of the contract as JSON, for generators and checks in other languages."""

import dataclasses
import json

from .api import Api


def emit(api: Api) -> str:
    return json.dumps(dataclasses.asdict(api), indent=1, ensure_ascii=False) + "\n"
