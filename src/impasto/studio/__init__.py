"""The studio: a local page for painting.

The server's side (`app`, `store`, `queue` and what they use) and the workers' side (`worker/`, processes that paint)
share only `protocol` and `request`. Jobs are folders on disk; each worker paints one at a time.
"""
