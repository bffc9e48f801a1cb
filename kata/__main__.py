"""`python -m kata COMMAND`: finds the command, and turns every error into one sentence and status 2."""

import argparse
import importlib
import os
import sys

HOME = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Python puts the current folder first; a torch.py that lies there is not the one to import.
if sys.path[0] in ("", os.getcwd()) and not os.path.samefile(os.getcwd(), HOME):
    del sys.path[0]

from kata import ROOT, KataError  # noqa: E402
from kata.files import write_fault  # noqa: E402

COMMANDS = {
    "watch": "judge an exercise whenever it is saved, on a screen beside your editor",
    "grade": "judge a tree, by default the learner's, and say what to do next",
    "solutions": "prove that the solutions obey every law and the stubs break every law",
    "misconceptions": "prove that the laws reject every misconception and accept every alternative",
    "list": "show every exercise with its points and state, the rank, and what comes next",
    "look": "draw what the code of one exercise does now, beside what the reference does",
    "stubs": "derive the stubs in exercises/ from solutions/",
    "hint": "judge one exercise and show the next hint for it",
    "reset": "put the stub of one exercise back, after a backup",
}


def main(argv: list[str]) -> int:
    """Runs one command; returns its exit status."""
    parser = argparse.ArgumentParser(prog="kata", description="The judge of the LLM kata.", allow_abbrev=False)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {
        name: subparsers.add_parser(name, help=help, description=help, allow_abbrev=False)
        for name, help in COMMANDS.items()
    }
    # Only the command asked for is imported: the others may need torch, which takes a second.
    asked = next((argument for argument in argv if argument in COMMANDS), None)
    command = importlib.import_module(f"kata.commands.{asked}") if asked else None
    if asked and command:
        command.add_arguments(parsers[asked])
    arguments = parser.parse_args(argv)
    assert command is not None
    try:
        return int(command.run(arguments))
    except KataError as error:
        print(f"kata: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # whoever read our output has stopped reading
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 2
    except OSError as error:
        print(f"kata: {error.strerror or error}: {error.filename or 'no file is named'}.", file=sys.stderr)
        return 2
    except Exception as error:
        print(f"kata: {write_fault(ROOT, error)}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        print("\nkata: interrupted.", file=sys.stderr)
        sys.exit(1)
