"""Compile Google's published protos into one small file: `python -m reconciler.localcloud.api.build_protos FOLDER`.

FOLDER is the npm package google-proto-files (Apache-2.0), unpacked; `make protos` fetches it. Discovery documents lack
what stands in here: gRPC names and messages, enum numbers, what an operation returns, which fields are required or
immutable, and resource patterns. Needs grpcio-tools, which only developers have.
"""

from __future__ import annotations

import lzma
import sys
import tempfile
from pathlib import Path

COMPILED = Path(__file__).with_name("google_apis.binpb.xz")
# The packages that are compiled, as folders of the npm package.
PACKAGES = (
    "google/api/serviceusage/v1", "google/api/serviceusage/v1beta1", "google/cloud/asset/v1",
    "google/cloud/billing/budgets/v1", "google/cloud/billing/v1", "google/cloud/certificatemanager/v1",
    "google/cloud/kms/v1", "google/cloud/location", "google/cloud/networksecurity/v1",
    "google/cloud/networksecurity/v1beta1", "google/cloud/networkservices/v1", "google/cloud/networkservices/v1beta1",
    "google/cloud/orgpolicy/v2", "google/cloud/recommender/v1",
    "google/cloud/redis/cluster/v1", "google/cloud/redis/v1", "google/cloud/redis/v1beta1",
    "google/cloud/resourcemanager/v3", "google/cloud/run/v2", "google/cloud/scheduler/v1",
    "google/cloud/secretmanager/v1", "google/cloud/sql/v1", "google/cloud/sql/v1beta4", "google/cloud/vpcaccess/v1",
    "google/cloud/workflows/executions/v1", "google/cloud/workflows/v1", "google/devtools/artifactregistry/v1",
    "google/devtools/cloudbuild/v1", "google/devtools/cloudbuild/v2", "google/iam/admin/v1",
    "google/iam/credentials/v1", "google/iam/v1", "google/iam/v2", "google/iam/v3", "google/logging/v2",
    "google/longrunning", "google/monitoring/dashboard/v1", "google/monitoring/metricsscope/v1",
    "google/monitoring/v3", "google/pubsub/v1", "google/rpc", "google/spanner/admin/database/v1",
    "google/spanner/admin/instance/v1",
)  # fmt: skip


def compiled(folder: Path) -> bytes:
    """A serialised FileDescriptorSet with all imports and without comments, compressed."""
    from grpc_tools import protoc  # noqa: PLC0415 - only developers have it

    files = [
        str(file.relative_to(folder)) for package in PACKAGES for file in sorted((folder / package).glob("*.proto"))
    ]
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "all.binpb"
        code = protoc.main(["protoc", f"-I{folder}", "--include_imports", f"--descriptor_set_out={target}", *files])
        if code:
            raise RuntimeError(f"protoc ended with {code}")
        return lzma.compress(target.read_bytes(), preset=9 | lzma.PRESET_EXTREME)


if __name__ == "__main__":
    COMPILED.write_bytes(compiled(Path(sys.argv[1])))
