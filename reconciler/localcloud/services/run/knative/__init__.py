"""Cloud Run's Knative v1 API: the same stored objects, read from and printed in Kubernetes' form.

Only names, shapes and selectors may live here; what a change does is decided in the package above, never here.
"""
