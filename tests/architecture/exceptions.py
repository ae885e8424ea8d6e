"""Who may do what nobody else may, each with its reason. An entry that is not needed any more fails the build."""

from collections.abc import Mapping

CLOCK: Mapping[str, str] = {
    "reconciler/engine/clock.py": "the system's clock behind the Clock port",
    "reconciler/cli/plan.py": "how long ago the live state was read",
    "reconciler/cli/serve.py": "the hour in front of a line of the log",
    "reconciler/cli/voice.py": "the time of a line of the log",
    "reconciler/cli/story.py": "how long each step of the demo took",
    "reconciler/localcloud/doors/opening.py": "waits until the server listens, and for clients that keep silent",
    "reconciler/localcloud/doors/grpc.py": "answers late when a planted fault says so",
    "reconciler/localcloud/doors/streaming.py": "looks for new messages now and then",
    "reconciler/localcloud/doors/http.py": "answers late when a planted fault says so",
}
"""May read the clock or wait. Everybody else takes a Clock or a time as an argument."""

CHANCE: Mapping[str, str] = {
    "reconciler/cli/fleet.py": "a new fleet's first uids and project ids, written down once",
    "reconciler/source/fix.py": "the uid that `validate --fix` and `place` write down once",
    "reconciler/engine/fence.py": "the id of a process as a holder of leases: pids and host names come back",
    "reconciler/engine/lease.py": "the id of a state folder, written down once",
    "reconciler/gcp/secrets.py": "generates the bytes of a secret that has no version yet, at the effect",
}
"""May ask for randomness without a seed."""

PROCESSES: Mapping[str, str] = {
    "reconciler/cli/cloud_process.py": "starts the local cloud, which nobody may import",
    "reconciler/history/remote.py": "git for the network of a history elsewhere: keys, helpers and proxies are its own",
    "reconciler/cli/story.py": "the demo types the commands that a person would",
    "reconciler/policy/cel.py": "expressions of people may ask for any time and memory: a process that may not",
}
"""May start other processes; always with a fixed argument list, never through a shell."""

NETWORK: Mapping[str, str] = {
    "reconciler/daemon/listening.py": "the front door: it takes connections in, and opens none",
    "reconciler/daemon/front.py": "the front door's sockets are passed on",
    "reconciler/daemon/posting.py": "messages to the places that the settings name: notices, never a cloud",
    "reconciler/cli/cloud_process.py": "asks the local cloud whether it answers, on loopback",
    "reconciler/cli/story.py": "the demo changes the local cloud behind our back, as somebody in a console would",
    "reconciler/forge/calls.py": "HTTP to GitHub and GitLab: comments and checks, never a cloud",
}
"""May speak to a network, beside the rooms gcp and localcloud."""

DYNAMIC_IMPORTS: Mapping[str, str] = {
    "reconciler/localcloud/services/__init__.py": "a service is one file there, found by its name",
}
"""May import by a name known only at run time, where import contracts do not see it."""

PRINTS: Mapping[str, str] = {
    "reconciler/localcloud/coverage.py": "a process of its own: it prints what `aipress cloud coverage` shows",
    "reconciler/localcloud/__main__.py": "a process of its own: it says that it answers in one line on stdout",
}
"""May print, beside the rooms cli and report."""

FILES: Mapping[str, str] = {
    "reconciler/history/shelf.py": "the History port: versions, holds and leases, by compare-and-swap on a ref",
    "reconciler/history/mirror.py": "this host's copy of a history elsewhere",
    "reconciler/history/turn.py": "the lock of whoever writes the history on this host",
    "reconciler/daemon/shown.py": "plans that were shown on pull requests, until they are done",
    "reconciler/daemon/proposals.py": "the store that commits of pull requests are brought to",
    "reconciler/source/merging.py": "what a merge would make, as objects of that store: no ref, no file",
    "reconciler/daemon/inbox.py": "the hints of webhooks: a small database in the state folder",
    "reconciler/engine/journal.py": "the Journal port: intents, synced before their effect",
    "reconciler/engine/durable/file.py": "the engine's database: its folder, its mode, what was damaged",
    "reconciler/engine/audit.py": "the Audit port: only ever appended to, synced before what it tells",
    "reconciler/engine/ledger.py": "the Ledger port: what was done, written before it is done",
    "reconciler/engine/release.py": "which release worked on this state folder",
    "reconciler/engine/lease.py": "the Lease port: lock files of this host",
    "reconciler/source/git_commit.py": "the Repository port: commits that undo or accept, and the working tree",
    "reconciler/source/layout.py": "a new fleet repository (`fleet init`, `generate`)",
    "reconciler/actions/validate.py": "`validate --fix`: the working tree's own files",
    "reconciler/assemble/probes.py": "`doctor` tries whether the state folder can be written",
    "reconciler/cli/app.py": "a closed pipe: stdout is pointed at nothing",
    "reconciler/cli/cloud_process.py": "the local cloud's own folder and log",
    "reconciler/cli/place.py": "`place`: the tenant's file where it belongs",
    "reconciler/cli/plan_file.py": "`plan --out`",
    "reconciler/cli/story.py": "the demo's fleet",
}
"""May write files, folders or git refs; never a cloud's. Everybody else hands texts to one of these."""
