"""What a person types: one module a command, each with `add_arguments(parser)` and `run(arguments) -> exit status`."""
