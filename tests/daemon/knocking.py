"""Knocks at a door as strangers do, thousands of times: forged, replayed, malformed, oversized and slow deliveries."""

import random
import socket
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from reconciler.daemon.door import MOST_BODY
from reconciler.forge.signatures import Delivery, Provider
from tests.forge.signing import COMMIT, OLD, bitbucket, delivery, git, git_push, github, github_push, gitlab, hexed

Knock = Callable[[random.Random], tuple[str, bytes]]
"""What is sent, by its sort."""


def wire(one: Delivery, length: int | None = None, path: str = "", extra: bytes = b"") -> bytes:
    head = f"POST {path or f'/webhooks/{one.provider}'} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n".encode()
    named = b"".join(name + b": " + value + b"\r\n" for name, value in one.headers)
    return b"%s%s%scontent-length: %d\r\n\r\n%s" % (
        head,
        extra,
        named,
        len(one.body) if length is None else length,
        one.body,
    )


def forged(chance: random.Random) -> bytes:
    push = github_push(f"agency/{chance.randrange(99)}")
    make = chance.choice([github, bitbucket, git])
    one = make(push, secret=OLD)
    body = bytearray(github(push).body)
    body[chance.randrange(len(body))] ^= 1 << chance.randrange(8)
    options = [
        one, gitlab(push, key=b"x" * 32), gitlab(push, at=str(chance.randrange(10**9))),
        Delivery(one.provider, [], one.body),
        Delivery(Provider.GITHUB, github(push).headers, bytes(body)),
        delivery(Provider.GITHUB, [("x-hub-signature-256", _mangled(hexed(one.body), chance))], one.body),
        delivery(Provider.GITHUB, [("x-hub-signature", hexed(one.body))], one.body),
        delivery(Provider.GITLAB, [("x-gitlab-token", "x" * chance.randrange(1, 99))], one.body),
    ]  # fmt: skip
    return wire(chance.choice(options))


def replayed(chance: random.Random) -> bytes:
    """One of a few genuine deliveries, under any id."""
    n = chance.randrange(5)
    other = f"i-{chance.random()}"
    hub, own = github(github_push(f"known/{n}"), identity=other), git(git_push(f"known-{n}"), identity=other)
    options = [gitlab(_gitlab_push(n), f"known-{n}"), hub, own]
    return wire(chance.choice(options))


def signed_nonsense(chance: random.Random) -> bytes:
    """From somebody who has the secret: any bytes, any JSON."""
    size = chance.randrange(2000)
    options = [chance.randbytes(size), b"[" * size * 30, b'{"a":' * size * 10,
               b'{"repository":{"full_name":"\\u0000/..","id":-1}}',
               b'{"ref":' + b"9" * size + b"}", b"payload=%7" + b"%" * size,
               b'"' + b"\\ud800" * size + b'"', b""]  # fmt: skip
    return wire(
        github(
            chance.choice(options), chance.choice(["push", "pull_request", "ping", "\t"]), identity=f"{chance.random()}"
        )
    )


def malformed(chance: random.Random) -> bytes:
    """A genuine request with some bytes changed, gone, doubled or in another order; or no HTTP at all."""
    raw = bytearray(wire(github(github_push(), secret=OLD)))
    for _ in range(chance.randrange(1, 12)):
        at = chance.randrange(len(raw))
        match chance.randrange(4):
            case 0:
                raw[at] = chance.randrange(256)
            case 1:
                del raw[at : at + chance.randrange(1, 20)]
            case 2:
                raw[at:at] = raw[at : at + 30]
            case _:
                raw[at:at] = chance.choice(
                    [b"\r\n", b"\x00", b"\r\n\r\n", b":", b" ", b"content-length: 3\r\n", b"\xff" * 9]
                )
    return bytes(raw) if chance.random() < 0.9 else chance.randbytes(chance.randrange(1, 400))


def oversized(chance: random.Random) -> bytes:
    one = github(github_push(), secret=OLD)
    options = [
        wire(one, MOST_BODY + chance.randrange(1, 10**9)), wire(one, 10 ** chance.randrange(7, 40)),
        wire(one, extra=b"x: " + b"y" * chance.randrange(17_000, 60_000) + b"\r\n"), wire(one, path="/" + "a" * 20_000),
        wire(one, extra=b"a: b\r\n" * 5000), wire(one).replace(b"content-length", b"transfer-encoding: chunked\r\nx"),
    ]  # fmt: skip
    return chance.choice(options)


SORTS: dict[str, Callable[[random.Random], bytes]] = {
    "forged": forged, "replayed": replayed, "signed nonsense": signed_nonsense, "malformed": malformed,
    "oversized": oversized,
}  # fmt: skip


def slow(address: tuple[str, int], chance: random.Random) -> str:
    """Sends a part, then nothing, and waits for the other side to end it."""
    raw = wire(github(github_push(), secret=OLD))
    with socket.create_connection(address, timeout=30) as talk:
        talk.sendall(raw[: chance.randrange(len(raw))])
        return _ending(talk)


def knock(address: tuple[str, int], raw: bytes, *, last_word: bool) -> str:
    """The status line's code, or how the connection ended. `last_word`: what we send may not be all of a request, and
    we say that nothing follows."""
    try:
        with socket.create_connection(address, timeout=30) as talk:
            talk.sendall(raw)
            if last_word:
                talk.shutdown(socket.SHUT_WR)
            return _ending(talk)
    except (ConnectionResetError, BrokenPipeError):
        return "reset"


def _ending(talk: socket.socket) -> str:
    try:
        said = talk.recv(4096)
        while said and talk.recv(4096):
            pass
    except ConnectionResetError:
        return "reset"
    return said[9:12].decode("latin-1") if said else "ended"


def knocks(address: tuple[str, int], count: int, seed: int, hands: int = 8) -> Counter[tuple[str, str]]:
    """`count` of them, of all sorts in turn, from some threads: (sort, how it ended) -> how often."""

    def some(hand: int) -> Counter[tuple[str, str]]:
        chance, found = random.Random(f"{seed} {hand}"), Counter[tuple[str, str]]()
        for n in range(hand, count, hands):
            sort = list(SORTS)[(n // hands) % len(SORTS)]
            found[sort, knock(address, SORTS[sort](chance), last_word=sort == "malformed")] += 1
        return found

    with ThreadPoolExecutor(hands) as pool:
        return sum(pool.map(some, range(hands)), Counter())


def loris(address: tuple[str, int], count: int, seed: int) -> Counter[str]:
    """So many slow ones at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return Counter(pool.map(lambda n: slow(address, random.Random(f"{seed} {n}")), range(count)))


def _mangled(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return chance.choice(
        [text[:at], text[:at] + "0" + text[at:], text.upper(), text[:at] + "\xe9" + text[at + 1 :], ""]
    )


def _gitlab_push(n: int) -> dict[str, object]:
    project = {"id": n, "path_with_namespace": f"known/{n}"}
    return {"object_kind": "push", "project": project, "ref": "refs/heads/main", "after": COMMIT}


def of_sort(found: Counter[tuple[str, str]], sort: str) -> Sequence[str]:
    return sorted({how for one, how in found if one == sort})
