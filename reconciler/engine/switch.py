"""The stop switch of one host: a file named STOP in the state folder. Works without git, network or the daemon."""

from pathlib import Path

STOP = "STOP"


class FileStopSwitch:
    """Thrown while `STOP` is there; its text, if any, is the reason. What cannot be looked at means stop."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / STOP

    def stopped(self) -> str:
        """ "" to go on, else the reason with what to do."""
        try:
            text = self._file.read_bytes()[:200].decode(errors="replace").strip()
        except FileNotFoundError:
            return ""
        except OSError as error:
            return f"the stop switch {self._file} cannot be read ({error.strerror}), which counts as thrown"
        reason = " ".join(text.split()) or "no reason given"
        return f"the stop switch is thrown ({reason}); remove {self._file} to go on"
