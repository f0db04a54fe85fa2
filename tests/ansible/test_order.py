"""Which router comes first, by the addresses that each has and by its keepalived.conf; and what is not known of one
whose files can't be read."""

import json
import os
import re

import pytest
import yaml
from harness import scratch

import playbooks

MARK = "the virtual IP of a PostgreSQL router pair, by checkpg's role keepalived"
VIP, OLD_VIP = "192.0.2.20", "192.0.2.19"
#: Of the router's own files, wherever they should be.
CAT = """#!/bin/sh
exec /bin/cat "%s/$ROUTER/${1##*/}"
"""
SYSTEMCTL = """#!/bin/sh
printf 'LoadState=loaded\\nActiveState=active\\nUnitFileState=enabled\\n'
"""
#: What can't be read, and is there.
UNREADABLE = object()


def ours(vip=VIP):
    return f"# {MARK}\nvirtual_router_id 7\nvirtual_ipaddress {{\n    {vip}/24 dev eth0\n}}\n"


def older(vip=VIP):
    return f"vrrp_instance VI_1 {{\n  virtual_ipaddress {{ # 192.0.2.21\n  {vip}\n  2001:db8::20/64 dev eth0\n  }}\n}}\n"


def run(routers, plays):
    """(exit code, what was said) of plays. A router is its virtual addresses, its keepalived.conf and maybe its
    haproxy.cfg, None for none."""
    directory = scratch.directory("order")
    (directory / "cache").mkdir()
    hosts = "[router]\n"
    for number, (addresses, *files) in enumerate(routers, 1):
        name = f"router{number}.example.com"
        hosts += f"{name} ansible_host=192.0.2.2{number}\n"
        facts = json.dumps({"all_ipv4_addresses": [f"192.0.2.2{number}", *addresses], "all_ipv6_addresses": []})
        (directory / "cache" / name).write_text(facts)
        (directory / "cache" / f"s1_{name}").write_text(json.dumps({"__payload__": facts}))
        (directory / name).mkdir()
        for file, text in zip(("keepalived.conf", "haproxy.cfg"), files):
            if text is UNREADABLE:
                (directory / name / file).mkdir()
            elif text is not None:
                (directory / name / file).write_text(text)
    (directory / "hosts").write_text(hosts)
    for name, script in (("cat", CAT % directory), ("systemctl", SYSTEMCTL)):
        (directory / name).write_text(script)
        (directory / name).chmod(0o755)
    for play in plays:
        play["gather_facts"] = False
        play["environment"] = {"ROUTER": "{{ item | default(inventory_hostname) }}"}
    (directory / "router.yml").write_text(yaml.safe_dump(plays, sort_keys=False))
    variables = {"ansible_connection": "local", "ansible_become": False, "postgresql_vip_ip": VIP,
                 "postgresql_vip_fqdn": "pgrouter.example.com", "postgresql_subnet": "24",
                 "keepalived_virtual_router_id": 7}
    return playbooks.run(
        ["ansible-playbook", "-i", directory / "hosts", directory / "router.yml", "-e", json.dumps(variables)],
        directory, PATH=f"{directory}:{os.environ['PATH']}", ANSIBLE_CACHE_PLUGIN="jsonfile",
        ANSIBLE_CACHE_PLUGIN_CONNECTION=str(directory / "cache"))


def order(routers):
    """Their numbers as the play of HAProxy and the one of the virtual IP have them."""
    plays = yaml.safe_load(playbooks.PLAYBOOK.read_text())
    know, *later = [play for play in plays if play["name"] == "Know the routers" or play.get("serial")]
    know["tasks"] = know["tasks"][:1]
    for play in later:
        play["tasks"] = [{"ansible.builtin.debug": {"msg": f"{play['name']}: {{{{ inventory_hostname }}}}"}}]
    code, said = run(routers, [know, *later])
    assert code == 0, said
    return ["".join(re.findall(rf"{play['name']}: router(\d)", said)) for play in later]


@pytest.mark.parametrize("routers, haproxy, address", [
    ([([], ours()), ([VIP], ours())], "12", "12"),
    ([([VIP], ours()), ([], ours())], "21", "21"),
    ([([], None), ([], None)], "21", "21"),
    ([([], older()), ([VIP], older())], "12", "21"),
    # The virtual IP is another one from now on: who has the one so far is the one that serves.
    ([([], ours(OLD_VIP)), ([OLD_VIP], ours(OLD_VIP))], "12", "21"),
    ([([], older(OLD_VIP)), ([OLD_VIP], older(OLD_VIP))], "12", "12"),
    ([([OLD_VIP], ours(OLD_VIP)), ([], ours(OLD_VIP))], "21", "12"),
    ([([], ours()), ([VIP], ours()), ([], ours())], "132", "132"),
    ([([VIP], ours())], "1", "1")])
def test_the_router_that_serves_comes_last_and_takes_over_first(routers, haproxy, address):
    """Which of two that don't serve comes first is all the same, and up to how fast each answers."""
    for found, expected in zip(order(routers), (haproxy, address), strict=True):
        assert (sorted(found), found[-1]) == (sorted(expected), expected[-1]), found


@pytest.mark.parametrize("role, tasks, routers, file, unknown", [
    ("keepalived", "look", [([], UNREADABLE), ([], None)], "keepalived/keepalived.conf", "1"),
    ("keepalived", "refuse_older", [([], ours()), ([], UNREADABLE)], "keepalived/keepalived.conf", "2"),
    ("haproxy", "sections", [([], None, None), ([], None, UNREADABLE)], "haproxy/haproxy.cfg", "2")])
def test_what_cannot_be_read_is_not_taken_for_missing(role, tasks, routers, file, unknown):
    """As without become, or under SELinux."""
    code, said = run(routers, [{"hosts": "router", "tasks": [{"ansible.builtin.import_role": {
        "name": f"checkpg.router.{role}", "tasks_from": tasks}}]}])
    assert code != 0, said
    said = " ".join(said.split())
    assert set(re.findall(rf'msg": "router(\d).example.com: /etc/{file} can\'t be read', said)) == {unknown}, said
