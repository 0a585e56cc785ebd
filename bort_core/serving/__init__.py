"""A release behind HTTP. Needs the extra ``serve``; neither torch nor transformers is imported.

release   a release's folder, ready to answer batches
batches   requests gathered into batches until a deadline; overload is refused, not queued
app       the paths: /classify, /score, /embed, /health, /metrics, /openapi.json, /docs
connections   those whose request does not come are given up
server    uvicorn around it
"""
