"""The `loanbook` command, a module an object; :mod:`loanbook.pipelines.commands.app` assembles them.

A command is a plain function and a row of `app.COMMANDS`. What takes long to import is imported where
it is used, so that `loanbook --help` answers at once.
"""
