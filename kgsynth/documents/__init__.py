"""The documents room: records of a source read, checked, counted; what cannot be used goes to a reject file."""

from kgsynth.documents.read import LOADER_KINDS, RejectFile, loader_names, read, read_again, usable_documents

__all__ = ["LOADER_KINDS", "RejectFile", "loader_names", "read", "read_again", "usable_documents"]
