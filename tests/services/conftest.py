"""Fixtures of the tests in this folder."""

from tests.store.making import clock, db, home, real_db

__all__ = ["clock", "db", "home", "real_db"]
