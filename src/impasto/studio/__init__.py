"""The studio: a local page for painting. Its engine room (everything but the page) knows no browser and no gradio.

`store.Store` is its face. Jobs are folders on disk; a worker process a device paints them, one at a time.
"""
