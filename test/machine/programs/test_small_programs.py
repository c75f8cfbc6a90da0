"""block-metadata, setup-swap, configure-cloudwatch and stop-gateway."""

import json
import signal
import subprocess
import threading

import jsonschema
import pytest
from machine.conftest import ASSETS


class TestBlockMetadata:
    @pytest.fixture
    def machine(self, machine):
        """Keeps the rules of each command in a file, the newest first, as --insert does."""
        machine.env["RULES"] = str(machine.root)
        rules = (
            'rules=$RULES/${0##*/}.rules; touch "$rules"; case "$3" in --check) grep -qxF -- "${*:4}" "$rules" ;; '
            '--insert) printf "%s\\n" "${*:4}" "$(<"$rules")" >"$rules" ;; esac'
        )
        for command in ("iptables", "ip6tables"):
            machine.stub(command, rules)
        machine.stub("iptables-restore", 'cat >>"$RULES/restored"')
        machine.env["OPENCLAW_IF_INET6"] = str(machine.root)
        return machine

    def test_closes_link_local_addresses_but_name_resolution_and_this_machine(self, machine):
        assert machine.run("block-metadata").returncode == 0
        rules = (machine.root / "iptables.rules").read_text().split("\n")
        assert "DOCKER-USER --destination 169.254.0.0/16 --jump OPENCLAW-LINK-LOCAL" in rules
        chain = [line for line in (machine.root / "restored").read_text().splitlines() if line.startswith("-A")]
        assert [line.split(" ", 2)[2] for line in chain] == [
            "-d 169.254.169.253/32 -p udp -m udp --dport 53 -j RETURN",
            "-d 169.254.169.253/32 -p tcp -m tcp --dport 53 -j RETURN",
            "-j REJECT",
        ]
        six = (machine.root / "ip6tables.rules").read_text().split("\n")
        for bridge in ("docker0", "br-+"):
            # Answers to what this machine asks of a container, by the published port, come in there too.
            rule = f"INPUT --in-interface {bridge} --match conntrack ! --ctstate ESTABLISHED,RELATED --jump REJECT"
            assert rule in rules and rule in six
        assert "FORWARD --destination fd00:ec2::/32 --jump REJECT" in six

    def test_a_second_run_changes_no_rule(self, machine):
        machine.run("block-metadata")
        before = (machine.root / "iptables.rules").read_text()
        assert machine.run("block-metadata").returncode == 0
        assert (machine.root / "iptables.rules").read_text() == before

    def test_a_kernel_without_ipv6_needs_no_rule_for_it(self, machine):
        assert machine.run("block-metadata", OPENCLAW_IF_INET6="/nonexistent").returncode == 0
        assert machine.calls("ip6tables") == []

    @pytest.mark.parametrize("command", ["iptables", "ip6tables", "iptables-restore"])
    def test_fails_when_a_rule_cannot_be_made(self, machine, command):
        machine.stub(command, "exit 1")
        done = machine.run("block-metadata")
        assert done.returncode == 1
        assert "cannot " in done.stderr and command in done.stderr


class TestSetupSwap:
    @pytest.fixture
    def machine(self, machine):
        machine.env["OPENCLAW_SWAP_FILE"] = str(machine.root / "swap")
        machine.stub(
            "swapon",
            'if [[ $1 == --show=NAME ]]; then [[ ! -e "$HOME/on" ]] || echo /dev/dm-0; else touch "$HOME/on"; fi',
        )
        machine.stub("swapoff", 'rm "$HOME/on"')
        machine.stub("mkswap", "")
        machine.stub("fallocate", 'truncate --size "$2" "$3"')
        machine.stub("cryptsetup", "[[ $1 != status ]]")
        return machine

    def test_the_file_is_only_ever_used_through_a_random_key(self, machine):
        done = machine.run("setup-swap", "start")
        assert done.returncode == 0, done.stderr
        swap = machine.root / "swap"
        assert swap.stat().st_size == 2 * 1024**3 and swap.stat().st_mode & 0o777 == 0o600
        opened = machine.calls("cryptsetup")[-1]
        assert opened.startswith("open --type plain") and "--key-file /dev/urandom" in opened
        assert machine.calls("mkswap") == ["/dev/mapper/openclaw-swap"]
        assert machine.calls("swapon")[-1] == "/dev/mapper/openclaw-swap"

    def test_a_second_start_changes_nothing(self, machine):
        machine.run("setup-swap", "start")
        done = machine.run("setup-swap", "start")
        assert done.returncode == 0 and "already" in done.stderr
        assert len(machine.calls("mkswap")) == 1

    def test_stop_closes_the_device(self, machine):
        machine.run("setup-swap", "start")
        assert machine.run("setup-swap", "stop").returncode == 0
        assert machine.calls("cryptsetup")[-1] == "close openclaw-swap"

    def test_a_disk_without_room_is_said(self, machine):
        machine.stub("fallocate", "exit 1")
        done = machine.run("setup-swap", "start")
        assert done.returncode == 1 and "cannot reserve 2147483648 bytes" in done.stderr

    def test_a_device_that_cannot_be_opened_is_never_replaced_by_plain_swap(self, machine):
        machine.stub("cryptsetup", "exit 1")
        done = machine.run("setup-swap", "start")
        assert done.returncode == 1 and "dm-crypt" in done.stderr
        assert machine.calls("mkswap") == []

    def test_another_word_is_refused(self, machine):
        done = machine.run("setup-swap", "restart")
        assert done.returncode == 1 and "got 'restart'" in done.stderr


class TestConfigureCloudwatch:
    @pytest.fixture
    def machine(self, machine):
        machine.stub("ctl", "")
        machine.stub("systemctl", "")
        (machine.bin / "CWAGENT_VERSION").write_text("1.300071.0\n")
        machine.env |= {
            "OPENCLAW_CLOUDWATCH_TEMPLATE": str(ASSETS / "etc/openclaw/cloudwatch-agent.template.json"),
            "OPENCLAW_CLOUDWATCH_CONFIG": str(machine.root / "agent.json"),
            "OPENCLAW_CLOUDWATCH_CTL": str(machine.bin / "ctl"),
        }
        return machine

    def test_renders_this_deployment_and_starts_the_agent(self, machine):
        done = machine.run("configure-cloudwatch")
        assert done.returncode == 0, done.stderr
        text = (machine.root / "agent.json").read_text()
        config = json.loads(text)
        assert config["agent"]["region"] == "me-central-1"
        assert config["metrics"]["namespace"] == "OpenClaw/dev"
        assert config["metrics"]["append_dimensions"] == {"AutoScalingGroupName": "${aws:AutoScalingGroupName}"}
        assert "@" not in text
        assert machine.calls("ctl") == [f"-a fetch-config -m ec2 -s -c file:{machine.root}/agent.json"]

    def test_with_lean_the_agent_sends_three_metrics_every_five_minutes(self, machine):
        lean = str(ASSETS / "etc/openclaw/cloudwatch-agent.lean.json")
        assert machine.run("configure-cloudwatch", OBSERVABILITY="lean", OPENCLAW_CLOUDWATCH_LEAN=lean).returncode == 0
        config = json.loads((machine.root / "agent.json").read_text())
        collected = config["metrics"]["metrics_collected"]
        assert [part["measurement"] for part in collected.values()] == [
            ["disk_used_percent"],
            ["mem_used_percent"],
            ["swap_used_percent"],
        ]
        assert config["agent"] == {"region": "me-central-1", "metrics_collection_interval": 300}
        schema = json.loads((ASSETS.parents[1] / "test/machine/fixtures/cloudwatch-agent.schema.json").read_text())
        assert [error.message for error in jsonschema.Draft4Validator(schema).iter_errors(config)] == []

    def test_gives_the_agent_nothing_that_it_has_already(self, machine):
        machine.run("configure-cloudwatch")
        assert machine.run("configure-cloudwatch").returncode == 0
        assert len(machine.calls("ctl")) == 1
        assert machine.calls("systemctl") == ["start amazon-cloudwatch-agent.service"]
        machine.run("configure-cloudwatch", METRIC_NAMESPACE="OpenClaw/other")
        assert len(machine.calls("ctl")) == 2

    def test_another_version_of_the_agent_is_given_it_again(self, machine):
        machine.run("configure-cloudwatch")
        (machine.bin / "CWAGENT_VERSION").write_text("1.300072.0\n")
        assert machine.run("configure-cloudwatch").returncode == 0
        assert len(machine.calls("ctl")) == 2

    def test_an_agent_that_knows_no_journal_sends_metrics_and_the_unit_says_which_version_is_needed(self, machine):
        (machine.bin / "CWAGENT_VERSION").write_text("1.300069.1\n")
        machine.stub("ctl", 'file=${@: -1}; ! grep -q journald "${file#file:}"')
        done = machine.run("configure-cloudwatch")
        assert done.returncode == 1
        assert "agent 1.300069.1 refuses" in done.stderr and "need 1.300070 or newer" in done.stderr
        given = [call.rpartition("file:")[2] for call in machine.calls("ctl")]
        assert [name.rpartition("/")[2] for name in given] == ["agent.json", "agent.json.metrics"]
        assert set(json.loads((machine.root / "agent.json.metrics").read_text())) == {"agent", "metrics"}

        again = machine.run("configure-cloudwatch")
        assert again.returncode == 1 and "agent 1.300069.1 refuses" in again.stderr
        assert len(machine.calls("ctl")) == 2, "the agent is not restarted for the same answer"
        assert machine.calls("systemctl") == ["start amazon-cloudwatch-agent.service"]

    def test_an_agent_that_takes_nothing_fails_the_unit_and_is_asked_again(self, machine):
        machine.stub("ctl", "exit 1")
        for _ in range(2):
            done = machine.run("configure-cloudwatch")
            assert done.returncode == 1 and "its metrics alone too" in done.stderr
        assert len(machine.calls("ctl")) == 4

    def test_an_agent_that_is_not_installed_is_said(self, machine):
        done = machine.run("configure-cloudwatch", OPENCLAW_CLOUDWATCH_CTL=str(machine.bin / "absent"))
        assert done.returncode == 1 and "is not installed" in done.stderr


class TestStopGateway:
    def test_waits_until_compose_has_ended_too(self, machine):
        compose = subprocess.Popen(["sleep", "600"])
        machine.stub("docker", f"(sleep 0.5; kill {compose.pid}) >/dev/null 2>&1 &")
        reaper = threading.Thread(target=compose.wait)
        reaper.start()
        done = machine.run("stop-gateway", MAINPID=str(compose.pid))
        reaper.join()
        assert (done.returncode, done.stderr) == (0, "")
        assert compose.returncode == -signal.SIGTERM
        assert machine.calls("docker") == ["compose stop --timeout 25 openclaw-gateway"]

    def test_is_done_at_once_when_compose_has_ended(self, machine):
        machine.stub("docker", "")
        done = machine.run("stop-gateway", MAINPID="")
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(("job", "asked"), [("4711", False), ("0", True), ("", True)])
def test_openclaw_is_asked_for_again_only_when_its_start_is_gone(machine, job, asked):
    machine.stub("systemctl", f'[[ $1 != show ]] || echo "{job}"')
    assert machine.run("request-gateway-start").returncode == 0
    assert ("start --no-block openclaw.service" in machine.calls("systemctl")) == asked


def test_openclaw_is_not_asked_for_where_it_stays_stopped(machine):
    (machine.run_dir / "stopped").touch()
    machine.stub("systemctl", "echo 0")
    assert machine.run("request-gateway-start").returncode == 0
    assert machine.calls("systemctl") == []
