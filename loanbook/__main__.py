"""`python -m loanbook` is the command `loanbook`."""

from loanbook.pipelines.commands.app import main

main()
