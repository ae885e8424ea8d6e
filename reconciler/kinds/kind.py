"""The Kind type: what is true of one type of cloud object.

Paths are dotted body paths; `[*]` stands for every element of a list ("template.containers[*].env").
"""

from dataclasses import dataclass
from enum import StrEnum


class Proof(StrEnum):
    """How an object shows that it is ours."""

    LABELS = "labels"
    """Its `aipress-owner` label carries our uid."""
    DESCRIPTION = "description"
    """Its description carries our uid (kinds that take no labels)."""
    CONTAINER = "container"
    """It lives in something that is ours, under a name that carries the uid or that only we make there."""


@dataclass(frozen=True, slots=True)
class Keyed:
    """A list whose order means nothing. `key` names the identifying field of its elements ("" : plain values).

    `owned`: we own the whole list, so an element we did not declare is drift; else only our elements are ours.
    """

    path: str
    key: str = ""
    owned: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """`api` is the host before .googleapis.com. `labels` is where labels stand in the body ("" : takes none).

    `immutable`: a change there is a replacement. `write_only`: never readable; compared with what was last applied.
    `grows_only`: a live value above ours is no drift. `equal`: path -> spelling rule of compare.SPELLINGS.
    `whole`: maps that an update mask names as a whole. `lane`: "instance" = one operation at a time per SQL instance.
    `data_bearing`: deleting or replacing it destroys a customer's data. `visible`: paths whose change visitors notice.
    `ready`: (path, value that means "still changing"). `sensitive`: paths never shown.
    """

    name: str
    noun: str
    api: str
    proof: Proof
    labels: str = ""
    immutable: tuple[str, ...] = ()
    write_only: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()
    grows_only: tuple[str, ...] = ()
    keyed: tuple[Keyed, ...] = ()
    equal: tuple[tuple[str, str], ...] = ()
    whole: tuple[str, ...] = ()
    visible: tuple[str, ...] = ()
    lane: str = ""
    data_bearing: bool = False
    never_replace: bool = False
    implicit: bool = False
    """It is there as soon as its parent is (an IAM policy, a billing link): making it means setting it."""
    global_name: bool = False
    """Its name is unique over all of Google Cloud: somebody else may own it."""
    if_taken: str = ""
    """What a person does when a stranger, or one of the past, has its name."""
    curable: bool = False
    """One that does not work may be put right by an update."""
    modifier: str = ""
    """Where the API says who changed the object last ("" : it does not)."""
    name_limit: int = 255
    permissions: tuple[str, ...] = ()
    """IAM permissions that observing and changing it needs."""
