"""What a reader may see, and what SQL of their own may be: the lake behind its views.

- `statement` - one SELECT over the published views, judged by its parsed form before it runs
- `running` - a statement with bounds of time, memory and answer, on a connection that reads no other file
- `scope` - rows and columns that a role shows, as SQL of the views
"""
