"""`aipress doctor`: is everything here that a cycle needs?"""

from dataclasses import asdict

from reconciler.cli.invocation import Given


def doctor(*, given: Given) -> int:
    """Try everything that a cycle needs, and say how to mend what fails. Exit 1 when something needed fails."""
    from reconciler.actions.doctor import checks
    from reconciler.assemble import probes
    from reconciler.report.escape import cut, plain

    terminal = given.terminal
    found = checks(probes(given.settings()))
    if terminal.json:
        terminal.out_json([asdict(check) for check in found])
    else:
        style = terminal.style
        width = max((len(check.name) for check in found), default=0)
        for check in found:
            mark = style.green("✔") if check.ok else style.red("✗") if check.needed else style.yellow("!")
            terminal.out(f"{mark} {plain(check.name).ljust(width)}  {cut(plain(check.message), 300)}\n")
            if check.fix:
                terminal.out(f"  {' ' * width}  {style.cyan('help:')} {plain(check.fix)}\n")
    return 1 if any(check.needed and not check.ok for check in found) else 0
