"""A set of fleet files with some texts put in their place: what a commit that is not made yet would hold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from reconciler.model.ports import TreeFile
from reconciler.source.paths import PLAIN
from reconciler.source.tree import Files


@dataclass(frozen=True, slots=True)
class OverlayFiles:
    """`texts` by path under the fleet root; all else is the base's."""

    base: Files
    texts: Mapping[str, str]

    @property
    def commit(self) -> str:
        return self.base.commit

    def files(self) -> Sequence[TreeFile]:
        kept = [file for file in self.base.files() if file.path not in self.texts]
        return [*kept, *(TreeFile(path, "", PLAIN) for path in self.texts)]

    def read(self, file: TreeFile, limit: int) -> bytes:
        text = self.texts.get(file.path)
        return self.base.read(file, limit) if text is None else text.encode()[: limit + 1]


@dataclass(frozen=True, slots=True)
class NoFiles:
    """A base that holds nothing: what is put over it is all there is."""

    commit: str = ""

    def files(self) -> Sequence[TreeFile]:
        return ()

    def read(self, file: TreeFile, limit: int) -> bytes:  # noqa: ARG002 - the shape of Files
        raise OSError(f"{file.path} is not there")
