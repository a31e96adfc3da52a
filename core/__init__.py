"""The servicing core: frames and policies in, frames out.

Everything here is pure but for :mod:`loanbook.core.store`: no file, clock, network or database.
"""
