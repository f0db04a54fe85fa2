"""What is wrong with a router's inventory, in sentences that say what to change."""

import hashlib
import ipaddress
import re

from ansible.errors import AnsibleFilterError

HAPROXY_UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
CHECKPG_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
MOST_PEERS = 32
OLDER_LOGIN = (' Or go on with what PgRoute66 logged in with: checkpg_role: pgroute66, checkpg_client_certificate: '
               '"{{ certs.client.pgroute66 }}", checkpg_client_key: "{{ private_keys.client.pgroute66 }}".')


def milliseconds(text, units):
    """A time such as 800ms or 1s; a bare number is milliseconds. None if it is no time."""
    found = re.fullmatch(r"(\d+)\s*([a-z]*)", str(text))
    unit = units.get(found[2] or "ms") if found else None
    return int(found[1]) * unit if unit else None


def ip_address(text):
    try:
        return ipaddress.ip_address(str(text))
    except ValueError:
        return None


def network_of(subnet, vip):
    """The virtual IP's network, of 192.0.2.0/24 or of a prefix's length alone: 24. None if it is neither."""
    text = str(subnet).strip().lstrip("/")
    if text.isdigit():
        text = f"{vip}/{text}"
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def is_ipv6(text):
    return isinstance(ip_address(text), ipaddress.IPv6Address)


def canonical(address):
    """As programs write it."""
    return str(ip_address(address) or address)


def endpoint(address, port):
    """As haproxy.cfg has it: 192.0.2.11:5432, [2001:db8::11]:5432."""
    return f"[{canonical(address)}]:{port}" if is_ipv6(address) else f"{address}:{port}"


def listener(address, port, vip):
    """What HAProxy binds to. Its * is IPv4 alone; the virtual IP is on one router only, and may come to any."""
    if address == "*" and is_ipv6(vip):
        return f"[::]:{port} v4v6"
    return endpoint(address, port) + (" transparent" if ip_address(vip) == ip_address(address) is not None else "")


def is_whole(value, lowest, highest):
    return bool(re.fullmatch(r"\d{1,9}", str(value))) and lowest <= int(value) <= highest


def port_problems(variable, port):
    if not is_whole(port, 1, 65535):
        yield f"{variable} is {port!r}: a port is a number from 1 to 65535."


def time_problems(variable, text, units):
    span = milliseconds(text, units)
    if span is None or not 1 <= span <= 60_000:
        yield f"{variable} is {text!r}: give a time from 1ms to 60000ms, such as 500ms or 1s."


def keep_problems(text):
    span = milliseconds(text, CHECKPG_UNITS)
    if span is None or not (span == 0 or 1000 <= span <= 3_600_000):
        yield f"checkpg_keep is {text!r}: give a time from 1s to 1h, such as 60s, or 0, so that every check logs in."


def services_problems(services):
    """Of the services one by one, and of what can't be together."""
    found = [problem for service in services for problem in service_problems(service)]
    lists = {service["variable"]: service["servers"] for service in services}
    found += [problem for variable, servers in lists.items() for problem in server_list_problems(variable, servers)]
    if not found:
        found += contradictions(lists)
    for cluster in {service["cluster"]: None for service in services}:
        if not any(service["to"] == "primary" for service in services if service["cluster"] == cluster):
            found.append(f"haproxy_services has nothing that leads to the primary of cluster {cluster}, and by that "
                         "its servers are known: add a service with to: primary.")
    return found


def service_problems(service):
    where = f"haproxy_services, {service['name']}"
    for key in ("name", "cluster"):
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(service[key])):
            yield f"{where}: its {key} must be letters and digits, '-', '_' and '.'."
    yield from port_problems(f"{where}: port", service["port"])
    for server in service["servers"]:
        yield from port_problems(f"{service['variable']}, {server['name']}: port", server["port"])
    if service["address"] != "*" and not ip_address(service["address"]):
        yield f"{where}: its address {service['address']!r} is no IP address: give one of this router's, or *."


def server_list_problems(variable, servers):
    """A list of servers on its own."""
    if not servers:
        yield (f"{variable} is empty: list every server of the cluster, each with name, address and port, "
               "in group_vars/all/generic.yml.")
    seen = {"name": set(), "address": set()}
    for number, server in enumerate(servers, 1):
        where = f"{variable}, entry {number}"
        yield from server_problems(where, server)
        for key, values in seen.items():
            value = str(ip_address(server[key]) or server[key]).lower()
            if value in values:
                yield f"{where} repeats the {key} {server[key]}: each server is listed once."
            values.add(value)


def server_problems(where, server):
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(server["name"])):
        yield f"{where} has the name {server['name']!r}: give the server's host name, such as db1.example.com."
    if not ip_address(server["address"]):
        yield (f"{where} has the address {server['address']!r}, which is no IP address: "
               "give the server's own, such as 192.0.2.11.")


def contradictions(lists):
    """One server, two addresses: which of the lists is right?"""
    seen = {}
    for variable, servers in lists.items():
        for server in servers:
            known, address = seen.setdefault(server["name"], (variable, server["address"]))
            if ip_address(address) != ip_address(server["address"]):
                yield (f"{server['name']} has the address {address} in {known} and {server['address']} in {variable}: "
                       "correct one of them.")


def listener_problems(told):
    """No two of them on one port of one address, and no two of one name."""
    seen = [("the statistics page (haproxy_stats_port)", told["haproxy_stats_address"], told["haproxy_stats_port"])]
    names = {"haproxy-stat"}
    for service in told["services"]:
        address, port = service["address"], service["port"]
        for other, its_address, its_port in seen:
            if str(port) == str(its_port) and ("*" in (address, its_address)
                                               or ip_address(address) == ip_address(its_address)):
                yield f"{service['name']} and {other} both listen on port {port}: give one of them another."
        seen.append((service["name"], address, port))
        if {service["frontend"], service["backend"]} & names:
            yield f"haproxy_services has {service['name']} twice: give one of them another name."
        names |= {service["frontend"], service["backend"]}


def haproxy_problems(told):
    found = services_problems(told["services"]) + list(listener_problems(told))
    found += port_problems("haproxy_stats_port", told["haproxy_stats_port"])
    for variable in ("haproxy_inter", "haproxy_fastinter", "haproxy_downinter", "haproxy_connect_timeout"):
        found += time_problems(variable, told[variable], HAPROXY_UNITS)
    for variable in ("haproxy_rise", "haproxy_fall", "haproxy_maxconn"):
        if not is_whole(told[variable], 1, 1_000_000):
            found.append(f"{variable} is {told[variable]!r}: give a number of at least 1.")
    if not is_whole(told["haproxy_rw_maxconn"], 0, 1_000_000):
        found.append(f"haproxy_rw_maxconn is {told['haproxy_rw_maxconn']!r}: give a number, 0 for no limit.")
    if not is_whole(told["haproxy_tcp_retries"], 3, 15):
        found.append(f"haproxy_tcp_retries is {told['haproxy_tcp_retries']!r}: give a number from 3 to 15.")
    for variable in ("haproxy_global_lines", "haproxy_defaults_lines", "haproxy_extra_lines"):
        if not isinstance(told[variable], list):
            found.append(f"{variable} is no list: give one, even of a single line.")
    return found + list(interval_problems(told))


def interval_problems(told):
    """HAProxy ends a check after inter, at whatever pace (fastinter, downinter) it runs them."""
    timeout = milliseconds(told["checkpg_timeout"], CHECKPG_UNITS)
    inter = milliseconds(told["haproxy_inter"], HAPROXY_UNITS)
    if timeout and inter and timeout >= inter:
        yield (f"checkpg_timeout ({told['checkpg_timeout']}) is not below haproxy_inter ({told['haproxy_inter']}), "
               "after which HAProxy kills a check: lower the one or raise the other.")


def checkpg_problems(told):
    times = {name: told[name] for name in ("checkpg_timeout", "checkpg_peer_timeout")}
    found = [problem for name, text in times.items() for problem in time_problems(name, text, CHECKPG_UNITS)]
    timeout, peer_timeout = (milliseconds(text, CHECKPG_UNITS) for text in times.values())
    if not found and peer_timeout >= timeout:
        found.append(f"checkpg_peer_timeout ({told['checkpg_peer_timeout']}) is not below checkpg_timeout "
                     f"({told['checkpg_timeout']}): lower the one or raise the other.")
    found += keep_problems(told["checkpg_keep"])
    found += port_problems("checkpg_check_port", told["checkpg_check_port"])
    found += [problem for login in told["logins"].values() for problem in login_problems(login)]
    found += no_login_problems(told)
    for where, settings in open_settings(told).items():
        found += [f"{where} has {key}, and anybody may read checkpg.conf: give checkpg_password, or a "
                  "checkpg_client_key without a password." for key in settings if key.endswith("password")]
    return found + list(cluster_problems(told))


def open_settings(told):
    """What a site adds to checkpg.conf, by where it does."""
    names = ("checkpg_settings", "checkpg_read_write_settings", "checkpg_read_only_settings")
    return {**{name: told[name] for name in names},
            **{f"checkpg_clusters, {login['name']}: settings": login.get("settings") or {}
               for login in told["checkpg_clusters"]},
            **{f"haproxy_services, {service['name']}: settings": service["settings"] for service in told["services"]}}


def cluster_problems(told):
    names = [login["name"] for login in told["checkpg_clusters"]]
    for name in sorted(set(names)):
        if names.count(name) > 1:
            yield f"checkpg_clusters has {name} twice: each cluster is listed once."
        if name not in [cluster["name"] for cluster in told["clusters"]] or name == "main":
            yield (f"checkpg_clusters has {name}, and no service leads there: remove it, or give a service of "
                   f"haproxy_services cluster: {name}.")
    for cluster in told["clusters"]:
        if len(cluster["servers"]) > MOST_PEERS:
            yield (f"cluster {cluster['name']} has {len(cluster['servers'])} servers: a check asks no more than "
                   f"{MOST_PEERS}.")
    for service in told["services"]:
        yield from port_problems(f"haproxy_services, {service['name']}: check_port", service["check_port"])


def login_problems(login):
    if bool(login["client_certificate"]) != bool(login["client_key"]):
        missing = "client_key" if login["client_certificate"] else "client_certificate"
        yield f"{login['variable']}{missing} is not set: a client certificate and its key go together."
    if "\n" in str(login["password"]):
        yield f"{login['variable']}password has more than one line: a password file can't hold that."


def no_login_problems(told):
    login = told["logins"]["main"]
    if not (login["password"] or login["client_certificate"] or login["client_key"]):
        yield ("checkpg_password is not set, and no checkpg_client_certificate either: give the password of the "
               "database role in group_vars/all/vault.yml, encrypted with ansible-vault."
               + (OLDER_LOGIN if told["has_older_login"] else ""))


def keepalived_problems(told):
    found = list(vip_problems(told["postgresql_vip_ip"], told["postgresql_subnet"]))
    found += cidr_problems(told)
    found += taken_problems(told["postgresql_vip_ip"], told["owners"])
    if not told["postgresql_vip_fqdn"]:
        found.append("postgresql_vip_fqdn is not set: give the name that clients use for the virtual IP, such as "
                     "pgrouter.example.com, in group_vars/all/generic.yml.")
    if not is_whole(told["keepalived_virtual_router_id"], 1, 255):
        found.append(f"keepalived_virtual_router_id is {told['keepalived_virtual_router_id']!r}: "
                     "give a number from 1 to 255 that nothing else in the subnet uses.")
    own = told["keepalived_address"]
    if own and not ip_address(own):
        found.append(f"keepalived_address is {own!r}, which is no IP address: give this router's own.")
    elif own and ip_address(told["postgresql_vip_ip"]) and is_ipv6(own) != is_ipv6(told["postgresql_vip_ip"]):
        found.append(f"keepalived_address ({own}) and postgresql_vip_ip ({told['postgresql_vip_ip']}) are not both "
                     "IPv4 or both IPv6: give this router's address of the same kind.")
    return found


def vip_problems(vip, subnet):
    network = network_of(subnet, vip)
    if not subnet:
        yield ("postgresql_subnet is not set: give the network of the virtual IP, such as 192.0.2.0/24, "
               "in group_vars/all/generic.yml.")
    elif ip_address(subnet):
        yield (f"postgresql_subnet is {subnet!r}, without the length of a prefix: write "
               f"{subnet}/{64 if is_ipv6(subnet) else 24}, or what it is, or that length alone.")
    elif network is None and (ip_address(vip) or "/" in str(subnet).lstrip("/")):
        yield f"postgresql_subnet is {subnet!r}, which is no network: give one such as 192.0.2.0/24."
    if not vip:
        yield ("postgresql_vip_ip is not set: give the virtual IP, such as 192.0.2.20, "
               "in group_vars/all/generic.yml.")
    elif not ip_address(vip):
        yield f"postgresql_vip_ip is {vip!r}, which is no IP address: give one such as 192.0.2.20."
    elif network is not None and ip_address(vip) not in network:
        yield (f"postgresql_vip_ip ({vip}) is not in postgresql_subnet ({subnet}): correct one of them.")


def cidr_problems(told):
    """An older inventory may say both in one."""
    cidr, vip, subnet = told["keepalived_internal_vip_cidr"], told["postgresql_vip_ip"], told["postgresql_subnet"]
    address, _, prefix = str(cidr).partition("/")
    network = network_of(subnet, vip)
    if cidr and (ip_address(address) != ip_address(vip) or (network and prefix not in ("", str(network.prefixlen)))):
        yield (f"keepalived_internal_vip_cidr ({cidr}) is not what postgresql_vip_ip ({vip}) and postgresql_subnet "
               f"({subnet}) say: correct one of them, or remove the first.")


def taken_problems(vip, owners):
    """The virtual IP must be nobody's own address."""
    for name, address in owners.items():
        if ip_address(vip) and ip_address(address) == ip_address(vip):
            yield f"postgresql_vip_ip ({vip}) is the address of {name}: give one that no machine has."


def router_id(name):
    """The same number from 1 to 255 for the same name, everywhere and always."""
    return int.from_bytes(hashlib.sha256(str(name).encode()).digest()[:8], "big") % 255 + 1


def router_address(variables, subnet, vip):
    """The address that a router speaks VRRP from: as the inventory says, else the one in the subnet."""
    network = network_of(subnet, vip)
    facts = variables.get("ansible_facts", {})
    addresses = [variables["keepalived_address"]] if variables.get("keepalived_address") else [
        address for address in [variables.get("ansible_host"), *facts.get("all_ipv4_addresses", []),
                                *facts.get("all_ipv6_addresses", [])]
        if ip_address(address) and ip_address(address) in network and ip_address(address) != ip_address(vip)]
    if not addresses:
        raise AnsibleFilterError(
            f"{variables['inventory_hostname']} has no address in {network} that is known here: "
            "set keepalived_address for it in host_vars.")
    return str(addresses[0])


def vip_in(subnet, vip):
    """The virtual IP with the length of a prefix, as keepalived has it: its network's, and none for IPv6, where
    the kernel would take the address for its own connections, too."""
    return f"{vip}/{128 if is_ipv6(vip) else network_of(subnet, vip).prefixlen}"


def has_address(where, address):
    """Whether a list of addresses, or a text, has the address, in whatever spelling."""
    words = re.findall(r"[0-9A-Fa-f:.]+", where) if isinstance(where, str) else where
    return bool(ip_address(address)) and ip_address(address) in map(ip_address, words)


def unreadable(found):
    """Why the `cat` of a file that may be missing, in the C locale, has no text; nothing if it has, or is missing."""
    said = found.get("stderr", "")
    return "" if found.get("rc") == 0 or "No such file" in said else said or found.get("msg") or "no answer"


def has_virtual(addresses, text):
    """Whether a machine with these addresses has one that its keepalived.conf puts in place, whichever that is."""
    blocks = re.findall(r"\bvirtual_ipaddress\w*\s*{([^}]*)}", re.sub(r"[#!].*", "", text))
    lines = [line for block in blocks for line in block.splitlines() if line.strip()]
    return any(has_address(addresses, line.split()[0].partition("/")[0]) for line in lines)


def is_another_vrrp(text, mark, vip, router_id):
    """Whether a keepalived.conf has the virtual IP and is not ours, or is ours with another address or id. One of
    these and the new one don't hear each other, or don't agree."""
    if mark not in text:
        return has_address(text, vip)
    found = re.search(r"^\s*virtual_router_id (\d+)$", text, re.M)
    return not has_address(text, vip) or not found or int(found[1]) != int(router_id)


def interface_with(facts, address):
    """The name of the interface that has the address, which may be an interface's second one."""
    for name in facts.get("interfaces", []):
        interface = facts.get(re.sub("[-:]", "_", name), {})  # Ansible's own way, in which a dot stays
        configured = [interface.get("ipv4", {}), *interface.get("ipv4_secondaries", []), *interface.get("ipv6", [])]
        if has_address([entry.get("address") for entry in configured], address):
            return interface.get("device", name)
    raise AnsibleFilterError(f"no interface has the address {address}: set keepalived_interface.")


class FilterModule:
    def filters(self):
        return {
            "checkpg_problems": checkpg_problems,
            "haproxy_problems": haproxy_problems,
            "keepalived_problems": keepalived_problems,
            "router_id": router_id,
            "router_address": router_address,
            "interface_with": interface_with,
            "vip_in": vip_in,
            "has_address": has_address,
            "has_virtual": has_virtual,
            "unreadable": unreadable,
            "is_another_vrrp": is_another_vrrp,
            "canonical": canonical,
            "endpoint": endpoint,
            "listener": listener,
        }
