"""Folder -> folder that its index may use: SDKs write even to read, so where nothing can be written they get a copy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from ingest.errors import LibraryUnreadable


class Place:
    """The folder of an index, or a copy of it for as long as it is used."""

    def __init__(self, folder: Path, *, full: bool = False) -> None:
        """Makes the copy, if there has to be one.

        Args:
            folder: Of the index.
            full: Its disk has no room for what is written to read it.

        Raises:
            LibraryUnreadable: It cannot be read either, or there is no room for the copy.
        """
        self.path = folder
        """Where the index is to be opened."""
        self._copy: TemporaryDirectory[str] | None = None
        self.is_copy = folder.exists() and (full or not os.access(folder, os.W_OK))
        """Whether others may change the folder while this stays as it is."""
        if self.is_copy:
            self._copy = TemporaryDirectory(prefix="whichpapers-")
            self.path = Path(self._copy.name) / folder.name
            try:
                shutil.copytree(folder, self.path, copy_function=shutil.copyfile)
            except OSError as error:
                self.leave()
                place, _, why = error.args[0][0] if isinstance(error, shutil.Error) else (folder, None, error)
                raise LibraryUnreadable(folder.parent, f"{place}: {why}") from error
            self.path.chmod(0o700)

    def leave(self) -> None:
        """Removes the copy, if there is one."""
        if self._copy:
            self._copy.cleanup()
