"""The local cloud: Google's APIs on loopback, for demos, tests and rehearsals, started as its own process.

An island: it may read Google's descriptors, but it imports no other room of the reconciler and no room imports it,
so that an error of ours about Google cannot confirm itself.

From the outside in: `doors/` (HTTP, gRPC, HTTPS behind a proxy; they decide nothing), `house` (one running cloud: its
stored state, clock, faults, lags, quotas, recorder, and `control`, the door that Google does not have), `core` (pure:
`handle(state, request, now, rng)`), `services/` (how each service behaves), `api/` (what Google's discovery documents
and protos say), and below them `operations`, `policies`, `projects`, `limits`, `state`. How much of Google is there
stands in COVERAGE.md; how to plant a fault in CONTROL.md.
"""
