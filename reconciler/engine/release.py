"""Which release of aipress last worked on this state folder: after a change of it, `serve` looks before it acts."""

from pathlib import Path

from reconciler.model.errors import AipressError


class ReleaseMark:
    """A file `release` in the state folder. Without one, nobody worked here before."""

    def __init__(self, folder: Path, release: str) -> None:
        self._file = folder / "release"
        self._release = release

    def before(self) -> str:
        """The release that worked here before, when it is another one; else ""."""
        try:
            said = self._file.read_text().strip()[:100]
        except FileNotFoundError:
            return ""
        except (OSError, ValueError) as error:
            return f"an unknown one ({type(error).__name__})"
        return said if said != self._release else ""

    def set(self) -> None:
        """Raises AipressError when it cannot be written."""
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_text(f"{self._release}\n")
            fresh.replace(self._file)
        except OSError as error:
            raise AipressError(
                f"{self._file} cannot be written: {error.strerror}", "make the state folder writable"
            ) from error
