"""Compute by clients that no one here wrote: gcloud builds a load balancer, google-api-python-client a network."""

from __future__ import annotations

from typing import Any

import pytest

from tests.localcloud.gcloud import GcloudError

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_gcloud_builds_a_load_balancer_and_is_told_what_is_in_use(gcloud: Any) -> None:
    gcloud("compute", "addresses", "create", "ip", "--global")
    region = ("--region=europe-west1", "--network-endpoint-type=serverless", "--cloud-run-service=site")
    gcloud("compute", "network-endpoint-groups", "create", "neg", *region)
    scheme = "--load-balancing-scheme=EXTERNAL_MANAGED"
    gcloud("compute", "backend-services", "create", "web", "--global", scheme, "--protocol=HTTPS")
    neg = ("--network-endpoint-group=neg", "--network-endpoint-group-region=europe-west1")
    gcloud("compute", "backend-services", "add-backend", "web", "--global", *neg)
    gcloud("compute", "url-maps", "create", "map", "--default-service=web")
    gcloud("compute", "ssl-certificates", "create", "cert", "--domains=example.com", "--global")
    gcloud("compute", "target-https-proxies", "create", "proxy", "--url-map=map", "--ssl-certificates=cert")
    rule = ("--target-https-proxy=proxy", "--ports=443", "--address=ip", scheme)
    gcloud("compute", "forwarding-rules", "create", "rule", "--global", *rule)
    made = gcloud("compute", "forwarding-rules", "describe", "rule", "--global")
    assert made["IPAddress"] == gcloud("compute", "addresses", "describe", "ip", "--global")["address"]
    assert made["portRange"] == "443-443"
    with pytest.raises(GcloudError, match=r"The url_map resource .* already being used by .*/targetHttpsProxies/proxy"):
        gcloud("compute", "url-maps", "delete", "map", "--global")
    with pytest.raises(GcloudError, match="was not found"):
        gcloud("compute", "backend-services", "describe", "other", "--global")


def test_gcloud_keeps_rules_of_an_organisations_policy(gcloud: Any, project: str) -> None:
    organisation = "--organization=111111111111"
    gcloud("compute", "firewall-policies", "create", f"--short-name={project}", organisation)
    traffic = ("--direction=INGRESS", "--layer4-configs=tcp:443", "--src-ip-ranges=192.0.2.0/24", "--action=allow")
    where = (f"--firewall-policy={project}", organisation)
    gcloud("compute", "firewall-policies", "rules", "create", "100", *where, *traffic)
    rules = gcloud("compute", "firewall-policies", "describe", project, organisation)[0]["rules"]
    assert [rule["action"] for rule in rules] == ["allow", *["goto_next"] * 4]


def test_the_discovery_client_makes_a_network_and_waits_for_it(cloud: Any, project: str) -> None:
    from google.auth.credentials import AnonymousCredentials
    from googleapiclient.discovery import build

    options = {"api_endpoint": f"{cloud.url}/compute/compute/v1/"}
    compute = build("compute", "v1", credentials=AnonymousCredentials(), client_options=options, static_discovery=True)
    body = {"name": "net", "autoCreateSubnetworks": False}
    operation = compute.networks().insert(project=project, body=body).execute()
    assert operation["status"] == "RUNNING"
    cloud.call("POST", "/_aipress/time", {"advance": 60})
    done = compute.globalOperations().wait(project=project, operation=operation["name"]).execute()
    assert (done["status"], done["progress"]) == ("DONE", 100)
    listed = compute.networks().list(project=project).execute()
    assert [row["name"] for row in listed["items"]] == ["default", "net"]
    assert compute.networks().get(project=project, network="net").execute()["id"] == done["targetId"]
