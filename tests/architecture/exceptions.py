"""Who may do what nobody else may, each with its reason. An entry that is not needed any more fails the build."""

from collections.abc import Mapping

CLOCK: Mapping[str, str] = {
    "reconciler/engine/clock.py": "the system's clock behind the Clock port",
    "reconciler/cli/plan.py": "how long ago the live state was read",
    "reconciler/cli/serve.py": "the hour in front of a line of the log",
    "reconciler/cli/story.py": "how long each step of the demo took",
    "reconciler/localcloud/__main__.py": "the island's door into real time; its core takes `now` as an argument",
    "reconciler/localcloud/door.py": "answers late when a planted fault says so",
}
"""May read the clock or wait. Everybody else takes a Clock or a time as an argument."""

CHANCE: Mapping[str, str] = {
    "reconciler/cli/fleet.py": "a new fleet's first uids and project ids, written down once",
    "reconciler/source/fix.py": "the uid that `validate --fix` and `place` write down once",
    "reconciler/gcp/secrets.py": "generates the bytes of a secret that has no version yet, at the effect",
}
"""May ask for randomness without a seed."""

PROCESSES: Mapping[str, str] = {
    "reconciler/cli/cloud_process.py": "starts the local cloud, which nobody may import",
    "reconciler/history/remote.py": "git for the network of a history elsewhere: keys, helpers and proxies are its own",
    "reconciler/cli/story.py": "the demo types the commands that a person would",
}
"""May start other processes; always with a fixed argument list, never through a shell."""

NETWORK: Mapping[str, str] = {
    "reconciler/cli/cloud_process.py": "asks the local cloud whether it answers, on loopback",
    "reconciler/cli/story.py": "the demo changes the local cloud behind our back, as somebody in a console would",
}
"""May speak to a network, beside the rooms gcp and localcloud."""

DYNAMIC_IMPORTS: Mapping[str, str] = {
    "reconciler/localcloud/services/__init__.py": "a service is one file there, found by its name",
    "reconciler/localcloud/api/build_enums.py": "reads the enums of Google's libraries, once, into a file",
}
"""May import by a name known only at run time, where import contracts do not see it."""

PRINTS: Mapping[str, str] = {
    "reconciler/localcloud/__main__.py": "a process of its own: it says that it answers in one line on stdout",
}
"""May print, beside the rooms cli and report."""
