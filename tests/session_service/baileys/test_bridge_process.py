"""The bridge process: what is mended around Baileys, and that one broken session is no other's trouble."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import pytest

from session_service.providers.baileys import BaileysProvider, node
from session_service.providers.baileys.bridge import Bridge, Refused
from tests.session_service.baileys.linking import Linked
from tests.whatsapp_emulator.running import RunningEmulator

Link = Callable[..., Awaitable[Linked]]
NewPhone = Callable[[], str]


def run(script: str) -> subprocess.CompletedProcess[str]:
    """What a script prints that runs in the bridge's folder with its Node."""
    command = [node.command()[0], "--input-type=module", "--eval", textwrap.dedent(script)]
    return subprocess.run(command, cwd=node.FOLDER, capture_output=True, text=True, check=False, timeout=60)


def test_a_wrong_signature_is_refused_though_baileys_accepts_it() -> None:
    done = run(
        """
        import { Curve } from "baileys";
        import { harden } from "./hardening.js";
        const pair = Curve.generateKeyPair(), other = Curve.generateKeyPair();
        const text = Buffer.from("text"), signature = Curve.sign(pair.private, text);
        const checks = () => [
          Curve.verify(pair.public, text, signature),
          Curve.verify(other.public, text, signature),
          Curve.verify(pair.public, Buffer.from("another"), signature),
          Curve.verify(pair.public, text, Buffer.alloc(64)),
          Curve.verify(Buffer.alloc(3), text, signature),
        ];
        const stock = checks();
        harden();
        process.stdout.write(JSON.stringify({ stock, hardened: checks() }));
        """
    )
    assert done.returncode == 0, done.stderr
    answers = json.loads(done.stdout)
    assert answers["hardened"] == [True, False, False, False, False]
    assert answers["stock"][1], "Baileys checks signatures by itself now: hardening.js may go"


def test_nothing_reaches_the_console() -> None:
    done = run(
        """
        import "./silence.js";
        for (const name of ["log", "info", "warn", "error", "debug", "trace", "dir", "table"]) console[name]("secret");
        const { default: libsignal } = await import("libsignal");
        const record = new libsignal.SessionRecord();
        try { record.deleteAllSessions(); record.removeOldSessions(); } catch {}
        """
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_an_error_that_nobody_caught_ends_the_session_that_it_came_from() -> None:
    done = run(
        """
        import net from "node:net";
        import { guard, onBehalfOf } from "./guard.js";
        const told = [];
        const session = (name) => ({ fail: (error) => told.push(`${name}: ${error.message}`) });
        guard((error) => told.push(`nobody: ${error.message}`));
        onBehalfOf(session("one"), () => {
          Promise.reject(new Error("rejection"));
          setTimeout(() => { throw new Error("timer"); });
        });
        const server = net.createServer((socket) => socket.end("x")).listen(0, "127.0.0.1", () => {
          onBehalfOf(session("two"), () => {
            const socket = net.connect(server.address().port, "127.0.0.1");
            socket.on("data", async () => { throw new Error("data"); });
            socket.on("close", () => { server.close(); throw new Error("close"); });
          });
        });
        Promise.reject(new Error("stray"));
        setTimeout(() => process.stdout.write(JSON.stringify(told)), 500);
        """
    )
    assert done.returncode == 0, done.stderr
    expected = ["nobody: stray", "one: rejection", "one: timer", "two: close", "two: data"]
    assert sorted(json.loads(done.stdout)) == expected


def test_after_an_exception_of_nobodys_the_process_ends() -> None:
    done = run(
        """
        import { guard } from "./guard.js";
        guard((error) => process.stdout.write(error.message));
        setTimeout(() => { throw new Error("stray"); });
        setTimeout(() => {}, 5000);
        """
    )
    assert (done.returncode, done.stdout) == (70, "stray")


def test_a_worker_that_does_not_read_is_noticed_and_the_process_is_not_held_up() -> None:
    done = run(
        """
        import { PassThrough } from "node:stream";
        import { Channel } from "./channel.js";
        const full = [], output = new PassThrough({ highWaterMark: 1000 });
        const listener = { onFull: (now) => full.push(now), onLine: () => {}, onEnd: () => {} };
        const channel = new Channel(new PassThrough(), output, listener);
        for (let number = 0; number < 50; number += 1) channel.tell({ event: "trouble", text: "x".repeat(50) });
        const before = full.at(-1);
        output.resume();
        setTimeout(() => process.stdout.write(JSON.stringify([before, full.at(-1)])), 50);
        """
    )
    assert (done.stdout, done.stderr) == ("[true,false]", "")


def test_the_bridge_goes_on_while_nobody_reads() -> None:
    process = subprocess.Popen(node.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=node.FOLDER)
    assert process.stdin is not None
    assert process.stdout is not None
    lines = 3000  # of some hundred bytes each: more than the pipe holds
    process.stdin.write(b'{"id": 1, "do": "usage"}\n' * lines)
    process.stdin.write(b'{"id": 2, "do": "hello", "protocol": 1, "media_folder": "' + b"x" * 200_000 + b'"}\n')
    process.stdin.flush()  # returns, as the bridge reads on
    answers = [json.loads(process.stdout.readline()) for _ in range(lines + 2)]
    process.stdin.close()
    assert process.wait(5) == 0
    process.stdout.close()
    assert answers[-1] == {"re": 2, "ok": None}


async def start(**listening: Any) -> tuple[Bridge, list[dict[str, Any]]]:
    events: list[dict[str, Any]] = []

    async def no_answer(line: dict[str, Any]) -> None:
        return None

    bridge = Bridge(
        on_event=lambda bridge, line: events.append(line),
        on_question=listening.get("on_question", no_answer),
        on_end=listening.get("on_end", lambda bridge: None),
    )
    await bridge.start({"websocket_url": "", "root_key": "", "keep_alive_seconds": 30})
    return bridge, events


async def test_orders_that_make_no_sense_are_refused_and_the_process_goes_on() -> None:
    bridge, _ = await start()
    with pytest.raises(Refused, match="unknown order"):
        await bridge.ask("dance")
    with pytest.raises(Refused, match="not open"):
        await bridge.ask("groups", session=7)
    assert (await bridge.ask("usage"))["sessions"] == 0
    await bridge.stop()


async def test_another_protocol_is_refused() -> None:
    bridge, _ = await start()
    with pytest.raises(Refused, match="protocol 99"):
        await bridge.ask("hello", protocol=99)
    await bridge.stop()


async def test_the_bridge_knows_none_of_our_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "very secret")
    bridge, _ = await start()
    environment = await asyncio.to_thread(psutil.Process(bridge.pid).environ)
    await bridge.stop()
    assert set(environment) <= {*node.PASSED_ON, *node.MEMORY}


HOLDER = """
    import asyncio
    import django
    django.setup()
    from session_service.providers.baileys.bridge import Bridge

    async def nothing(line):
        return None

    async def main():
        bridge = Bridge(on_event=print, on_question=nothing, on_end=print)
        await bridge.start({"websocket_url": "", "root_key": "", "keep_alive_seconds": 30})
        print(bridge.pid, flush=True)
        await asyncio.sleep(60)

    asyncio.run(main())
"""


def test_the_bridge_ends_with_whoever_started_it() -> None:
    holder = subprocess.Popen([sys.executable, "-c", textwrap.dedent(HOLDER)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    bridge = psutil.Process(int(holder.stdout.readline()))
    holder.send_signal(signal.SIGKILL)
    holder.wait(10)
    holder.stdout.close()
    bridge.wait(5)


# -- One session's trouble --


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", ["bad_jid", "bad_ciphertext", "no_id", "empty", "bad_mac", "garbage"])
async def test_what_no_server_should_send_troubles_one_session_at_most(
    what: str, link: Link, new_phone: NewPhone, whatsapp: RunningEmulator, provider: BaileysProvider
) -> None:
    victim, neighbour = await link(), await link()
    [bridge] = provider.bridges
    await asyncio.to_thread(whatsapp.post, "/malformed", {"phone": victim.phone, "what": what})
    await asyncio.sleep(0.5)
    if what in ("bad_mac", "garbage"):  # the stream cannot be trusted any more
        await victim.is_connected(2)
    for linked in (victim, neighbour):
        await linked.send(1, new_phone())
        assert await linked.has_result(1) == ("acknowledged", "")
    assert neighbour.heard.statuses == ["connecting", "scan", "connected"]
    assert provider.bridges == [bridge]
    os.kill(bridge.pid, 0)
