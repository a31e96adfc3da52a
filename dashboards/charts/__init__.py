"""Figures as functions of frames: no page state, so that a test can call them."""
