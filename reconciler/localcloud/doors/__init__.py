"""The doors of one house: plain HTTP, HTTPS behind a CONNECT proxy, gRPC. They parse, hand over, and print; what a
request means is decided in the core. All of them live on one event loop and listen on 127.0.0.1 only."""
