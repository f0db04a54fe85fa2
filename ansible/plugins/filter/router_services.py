"""What a router offers: where it listens, which servers that leads to, and what is asked of them."""

PROGRAMS = {"primary": "checkpgprimary", "standbys": "checkpgstandby"}
SERVERS = {"primary": "haproxy_rw_backends", "standbys": "haproxy_ro_backends"}
PORTS = {"primary": "haproxy_rw_port", "standbys": "haproxy_ro_port"}
MAIN = "main"


def complete_services(services, told):
    """The services with what may be left out; a role alone doesn't know what only another role uses."""
    own_port = {cluster["name"]: cluster.get("check_port") for cluster in told.get("checkpg_clusters", [])}
    return [complete(service, own_port, told) for service in services]


def complete(service, own_port, told):
    name, to, cluster = service["name"], service["to"], service.get("cluster") or MAIN
    variable = f"haproxy_services, {name}: servers" if service.get("servers") else SERVERS[to]
    return {"name": name, "frontend": f"{name}-frontend", "backend": f"{name}-backend", "to": to, "cluster": cluster,
            "program": PROGRAMS[to],
            "address": service.get("address") or told.get("haproxy_bind_address"),
            "port": service.get("port") or told.get(PORTS[to]),
            "variable": variable,
            "servers": [{**server, "port": service.get("server_port") or server["port"]}
                        for server in service.get("servers") or told.get(SERVERS[to], [])],
            "check_port": service.get("check_port") or own_port.get(cluster) or told.get("checkpg_check_port"),
            "settings": service.get("settings") or {},
            "frontend_lines": service.get("frontend_lines") or [],
            "backend_lines": service.get("backend_lines") or []}


def clusters_of(services):
    """In the order of the services: who may be primary, asked where, and which backends lead to them."""
    clusters = {}
    for service in services:
        cluster = clusters.setdefault(service["cluster"], {"name": service["cluster"], "primary": [], "standbys": [],
                                                           "servers": {}})
        cluster[service["to"]].append(service["backend"])
        for server in service["servers"] if service["to"] == "primary" else []:
            cluster["servers"].setdefault(server["name"], {**server, "port": service["check_port"]})
    return [{**cluster, "servers": list(cluster["servers"].values())} for cluster in clusters.values()]


def direct_backends(services):
    """Those for writes that lead to the port at which PostgreSQL itself is asked, on every server."""
    return [service["backend"] for service in services if service["to"] == "primary"
            and {int(server["port"]) for server in service["servers"]} == {int(service["check_port"])}]


def is_usual(cluster):
    """Whether checkpgroutes knows its backends without being told."""
    return (cluster["primary"], cluster["standbys"]) == (["PostgresReadWrite-backend"], ["PostgresReadOnly-backend"])


def logins(clusters, main):
    """By cluster: what the checks log in with there, and where its files are. What a cluster does not say is the
    main one's, by the global part of checkpg.conf."""
    found = {MAIN: {**main, "prefix": "", "variable": "checkpg_"}}
    for cluster in clusters:
        own = {key: cluster.get(key) or "" for key in main}
        found[cluster["name"]] = {
            **own, "role": own["role"] or main["role"],
            "sslmode": own["sslmode"] or ("verify-full" if own["root_certificate"] else ""),
            "settings": cluster.get("settings") or {}, "prefix": f"cluster-{cluster['name']}.",
            "variable": f"checkpg_clusters, {cluster['name']}: "}
    return found


class FilterModule:
    def filters(self):
        return {
            "complete_services": complete_services,
            "clusters_of": clusters_of,
            "direct_backends": direct_backends,
            "is_usual": is_usual,
            "logins": logins,
        }
