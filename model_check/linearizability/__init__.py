"""Linearizability of recorded histories: models, decoders of files, the search, and its report. It knows nothing of specs."""

from model_check.linearizability.checker import Result, check_history
from model_check.linearizability.formats import FORMATS, read_history
from model_check.linearizability.history import History, HistoryError, Operation
from model_check.linearizability.models import MODELS, KeyValue, Model, Register

__all__ = ["FORMATS", "MODELS", "History", "HistoryError", "KeyValue", "Model", "Operation", "Register", "Result", "check_history", "read_history"]
