"""Gatewright for a platform's own API, and for the apps that call it. See README.md."""

from gatewright_sdk.async_client import AsyncGatewright
from gatewright_sdk.client import Gatewright
from gatewright_sdk.model import Allow, Deny, Identity, Principal, Question, Refused

__all__ = [
    "Allow",
    "AsyncGatewright",
    "Deny",
    "Gatewright",
    "Identity",
    "Principal",
    "Question",
    "Refused",
]
