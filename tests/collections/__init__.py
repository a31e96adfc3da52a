"""Work on late loans."""
