"""The workers: processes that paint and make drafts for the studio."""
