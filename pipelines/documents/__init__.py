"""Documents on paper: the same bytes for the same words, on any machine.

- `rendering` - a template and what stands in it, as a PDF
- `templates` - what pages look like, by kind of document
"""
