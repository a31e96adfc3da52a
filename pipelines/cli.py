"""The `loanbook` command, as the package's script names it: see `loanbook.pipelines.commands`."""

from loanbook.pipelines.commands.app import app, main

__all__ = ["app", "main"]

if __name__ == "__main__":
    main()
