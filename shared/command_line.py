"""The command line, described: commands, options, and the help that argparse makes of them."""

from __future__ import annotations

import argparse


def build_parser() -> argparse.ArgumentParser:
    """Return the parser; the chosen command's name is in `command`."""
    parser = argparse.ArgumentParser(
        prog="compare.py",
        description="Train the same small network by hand in NumPy, with PyTorch's autograd and "
        "with JAX's grad, from the same seed, and see how far apart they are.",
        epilog="Without a command, `run` is meant; `run --help` lists its options. "
        "Exit codes: 0 certified, 1 different, 2 usage, "
        "3 undecided or a backend missing, 130 interrupted.",
    )
    commands = parser.add_subparsers(
        metavar="{run,judge,explain,faults,power,spec,calibrate,list}", required=True
    )

    run = commands.add_parser(
        "run",
        help="train and compare (the default)",
        description="Train one network with every backend, judge every step, and report.",
    )
    run.set_defaults(command="run")
    run.add_argument("--problem", metavar="P", help="default: people16")
    run.add_argument("--spec", metavar="FILE", help="your own network and data, instead: mine.json")
    run.add_argument("--data", metavar="DIR", help="the folder of mnist's files")
    run.add_argument("--seed", metavar="N", help="default: the spec's, or 42")
    run.add_argument("--seeds", metavar="A-B", help="many seeds at once, with a summary: 0-99")
    run.add_argument("--backends", metavar="A,B", help="names or files: numpy,jax,./mine.py")
    run.add_argument("--dtype", default="float64", metavar="D", help="float64 or float32")
    run.add_argument("--epochs", metavar="N", help="instead of the problem's own number")
    run.add_argument("--lr", metavar="X", help="learning rate, instead of the problem's own")
    run.add_argument("--json", metavar="FILE", help="write everything the report says as JSON")
    run.add_argument("--certify", metavar="N", help="judge one step in N, drawn from the seed")
    run.add_argument(
        "--truth", action="store_true", help="follow the exact trajectory, too: is it chaos?"
    )
    run.add_argument("--record", metavar="DIR", help="save every step of every backend there")
    run.add_argument(
        "--every", metavar="K", help="record only parameters, each K steps; make a bad block again"
    )
    run.add_argument(
        "--fault", metavar="NAME", help="bring a fault in: NAME[:size][@step]; `faults` lists them"
    )
    run.add_argument(
        "--in",
        metavar="A,B",
        dest="into",
        help="the backends that hold the fault; default: the first that can",
    )

    judging = commands.add_parser(
        "judge",
        help="judge recordings that --record saved",
        description="Judge saved recordings again, on this machine or any other.",
    )
    judging.set_defaults(command="judge")
    judging.add_argument("files", nargs="+", metavar="FILE", help="recordings, from any machine")
    judging.add_argument("--spec", metavar="FILE", help="the spec that they were made from")
    judging.add_argument("--data", metavar="DIR", help="the folder of mnist's files")
    judging.add_argument("--certify", metavar="N", help="judge one step in N, drawn from the seed")
    judging.add_argument("--json", metavar="FILE", help="write the certificates as JSON")

    explaining = commands.add_parser(
        "explain",
        help="show one training step from inside",
        description="Show one step in every framework: the lines by hand, torch's tape, JAX's "
        "jaxpr, quantity by quantity, and why last digits differ.",
    )
    explaining.set_defaults(command="explain")
    explaining.add_argument("--problem", metavar="P", help="default: people16")
    explaining.add_argument("--spec", metavar="FILE", help="your own network and data: mine.json")
    explaining.add_argument("--data", metavar="DIR", help="the folder of mnist's files")
    explaining.add_argument("--seed", metavar="N", help="default: the spec's, or 42")
    explaining.add_argument("--step", metavar="N", help="which step, from 1; default: 1")
    explaining.add_argument(
        "--worked", metavar="NAME", help="a worked step instead: symmetric or asymmetric"
    )
    explaining.add_argument(
        "--weight", metavar="W", help="whose factors: w1; W1[0,2] or b1[0] in larger networks"
    )
    explaining.add_argument("--backends", metavar="A,B", help="names; default: all there are")
    explaining.add_argument("--dtype", default="float64", metavar="D", help="float64 or float32")
    explaining.add_argument("--json", metavar="FILE", help="write all that was read as JSON")
    explaining.add_argument("--dot", metavar="DIR", help="write each graph as a Graphviz file")

    speccing = commands.add_parser(
        "spec",
        help="print a spec to start from",
        description="Print a problem as a spec, in JSON: save it, change it, and train it with "
        "`run --spec FILE`. docs/spec.md lists the fields.",
    )
    speccing.set_defaults(command="spec")
    speccing.add_argument("--problem", metavar="P", help="default: people16")
    speccing.add_argument("--data", metavar="DIR", help="the folder of mnist's files")
    speccing.add_argument("--seed", metavar="N", help="default: 42")

    calibrating = commands.add_parser(
        "calibrate",
        help="measure how exact exp, log, sigmoid and tanh are on this machine",
        description="Measure each framework's functions in both dtypes, in about ten seconds; keep "
        "the figures for later runs on this machine.",
    )
    calibrating.set_defaults(command="calibrate")
    calibrating.add_argument("--backends", metavar="A,B", help="names; default: all there are")
    calibrating.add_argument("--json", metavar="FILE", help="write the figures as JSON")

    faults = commands.add_parser(
        "faults",
        help="show the faults that can be brought in",
        description="Show every fault with its story: what `run --fault NAME` brings into a "
        "backend, to see it found.",
    )
    faults.set_defaults(command="faults")
    faults.add_argument("names", nargs="*", metavar="NAME", help="show these in full")

    power = commands.add_parser(
        "power",
        help="measure how well faults are found",
        description="Bring every fault into the backends, from calm and chaotic seeds, in both "
        "dtypes, and count what is found, and where; beside it what other tools' rules say.",
    )
    power.set_defaults(command="power")
    power.add_argument("--quick", action="store_true", help="NumPy alone, two seeds: a minute")
    power.add_argument("--json", metavar="FILE", help="write every run as JSON")
    power.add_argument("--markdown", metavar="FILE", help="write the tables as Markdown")

    listing = commands.add_parser(
        "list",
        help="show problems and backends",
        description="Show the problems and the backends, and why one is unavailable.",
    )
    listing.set_defaults(command="list")
    return parser
