"""What is wrong with a router's inventory, in sentences that say what to change."""

import hashlib
import ipaddress
import re

from ansible.errors import AnsibleFilterError

HAPROXY_UNITS = {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000}
CHECKPG_UNITS = {"ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
MOST_PEERS = 32


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
    """What HAProxy binds to. Its * is IPv4 alone."""
    return f"[::]:{port} v4v6" if address == "*" and is_ipv6(vip) else endpoint(address, port)


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


def backend_problems(variable, backends):
    """A list of servers on its own."""
    if not isinstance(backends, list) or not backends:
        yield (f"{variable} is empty: list every server of the cluster, each with name, address and port, "
               "in group_vars/all/generic.yml.")
        return
    seen = {"name": set(), "address": set()}
    for number, server in enumerate(backends, 1):
        where = f"{variable}, entry {number}"
        if not isinstance(server, dict) or not {"name", "address", "port"} <= set(server):
            yield f"{where} is {server!r}: it needs name, address and port."
            continue
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
    yield from port_problems(f"{where}: port", server["port"])


def contradictions(read_write, read_only):
    """One server, two addresses: which of the lists is right?"""
    addresses = {server["name"]: server["address"] for server in read_write}
    for server in read_only:
        known = addresses.get(server["name"], server["address"])
        if ip_address(known) != ip_address(server["address"]):
            yield (f"{server['name']} has the address {known} in haproxy_rw_backends and {server['address']} in "
                   "haproxy_ro_backends: correct one of them.")


def haproxy_problems(told):
    found = []
    for variable in ("haproxy_rw_backends", "haproxy_ro_backends"):
        found += backend_problems(variable, told[variable])
    if not found:
        found += contradictions(told["haproxy_rw_backends"], told["haproxy_ro_backends"])
    ports = ("haproxy_rw_port", "haproxy_ro_port", "haproxy_stats_port")
    for variable in ports:
        found += port_problems(variable, told[variable])
    if len({str(told[variable]) for variable in ports}) < len(ports):
        found.append(f"{', '.join(ports)} are not three different ports: change one of them.")
    for variable in ("haproxy_inter", "haproxy_fastinter", "haproxy_downinter", "haproxy_connect_timeout"):
        found += time_problems(variable, told[variable], HAPROXY_UNITS)
    for variable in ("haproxy_rise", "haproxy_fall", "haproxy_maxconn"):
        if not is_whole(told[variable], 1, 1_000_000):
            found.append(f"{variable} is {told[variable]!r}: give a number of at least 1.")
    if not is_whole(told["haproxy_rw_maxconn"], 0, 1_000_000):
        found.append(f"haproxy_rw_maxconn is {told['haproxy_rw_maxconn']!r}: give a number, 0 for no limit.")
    if not is_whole(told["haproxy_tcp_retries"], 3, 15):
        found.append(f"haproxy_tcp_retries is {told['haproxy_tcp_retries']!r}: give a number from 3 to 15.")
    for variable in ("haproxy_global_lines", "haproxy_defaults_lines"):
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
    found += login_problems(told)
    for variable in ("checkpg_settings", "checkpg_read_write_settings", "checkpg_read_only_settings"):
        found += [f"{variable} has {key}, and anybody may read checkpg.conf: give checkpg_password, or a "
                  "checkpg_client_key without a password." for key in told[variable] if key.endswith("password")]
    if isinstance(told["haproxy_rw_backends"], list) and len(told["haproxy_rw_backends"]) > MOST_PEERS:
        found.append(f"haproxy_rw_backends has {len(told['haproxy_rw_backends'])} servers: "
                     f"a check asks no more than {MOST_PEERS}.")
    return found


def login_problems(told):
    certificate, key = told["checkpg_client_certificate"], told["checkpg_client_key"]
    if bool(certificate) != bool(key):
        missing = "checkpg_client_key" if certificate else "checkpg_client_certificate"
        yield f"{missing} is not set: a client certificate and its key go together."
    elif not told["checkpg_password"] and not certificate:
        yield ("checkpg_password is not set, and no checkpg_client_certificate either: give the password of the "
               "database role in group_vars/all/vault.yml, encrypted with ansible-vault.")
    if "\n" in str(told["checkpg_password"]):
        yield "checkpg_password has more than one line: a password file can't hold that."


def keepalived_problems(told):
    found = list(vip_problems(told["postgresql_vip_ip"], told["postgresql_subnet"]))
    found += taken_problems(told["postgresql_vip_ip"], told["owners"])
    if not told["postgresql_vip_fqdn"]:
        found.append("postgresql_vip_fqdn is not set: give the name that clients use for the virtual IP, such as "
                     "pgrouter.example.com, in group_vars/all/generic.yml.")
    if len(told["routers"]) < 2:
        found.append(f"the group router has {len(told['routers'])} host: a virtual IP needs at least two "
                     "to move between.")
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
            "canonical": canonical,
            "endpoint": endpoint,
            "listener": listener,
        }
