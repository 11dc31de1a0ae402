"""How soon the whole server decides and tells, with many alarms: from outside, over HTTP, on the machine's clock.

    python3 bench/alarms/run.py [--alarms 100000] [--period 10] [--rounds 8] [--binary target/release/sightline]

N alarms, each over a series of its own with a value every period; each round one in a hundred crosses its threshold
(and the ones of the round before come back). The action of each is mapped to a web hook on loopback. Told are: puts a
second; CPU and memory of the server; from the period's end and the two seconds that late points have to the hook having
the notice; and the same from the answer to a late point that decides. Requests are plain bytes made before each round,
so that this program takes little from the server's two cores.
"""

import argparse
import asyncio
import http.client
import json
import os
import socket
import subprocess
import tempfile
import threading
import time

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")
LATENESS_S = 2.0
CHUNK = 1_000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--alarms", type=int, default=100_000)
    parser.add_argument("--series", type=int, default=0, help="at least as many as alarms, which is the default")
    parser.add_argument("--period", type=int, default=10, help="seconds")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--connections", type=int, default=32, help="that put alarms")
    parser.add_argument("--crossing", type=int, default=100, help="one in so many crosses each round")
    parser.add_argument("--binary", default=os.path.join(ROOT, "target/release/sightline"))
    parser.add_argument("--data", help="directory of the data, which is kept: a second run goes on with the alarms in it "
                        "and tells how long the start took [a new one that is removed]")
    return parser.parse_args()


class Hook:
    """A receiver that answers at once and notes when it had which notice."""

    def __init__(self):
        self.seen, self.lock = [], threading.Lock()
        self.loop = asyncio.new_event_loop()
        server = self.loop.run_until_complete(asyncio.start_server(self.serve, "127.0.0.1", 0, backlog=1024))
        self.port = server.sockets[0].getsockname()[1]
        threading.Thread(target=self.loop.run_forever, daemon=True).start()

    async def serve(self, reader, writer):
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line.split(b":")[1]) for line in head.split(b"\r\n")
                    if line.lower().startswith(b"content-length:"))
                body = await reader.readexactly(length)
                now = time.time()
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
                with self.lock:
                    self.seen.append((now, body))
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def take(self):
        with self.lock:
            seen, self.seen = self.seen, []
        return [(at, body.decode().split("|")) for at, body in seen]

    def wait_for(self, name, state, until):
        while time.time() < until:
            with self.lock:
                for at, body in self.seen:
                    if body.decode() == f"{name}|{state}":
                        return at
            time.sleep(0.002)
        return None


class Server:
    def __init__(self, options, directory, hook):
        handlers = os.path.join(directory, "handlers.toml")
        with open(handlers, "w") as out:
            out.write(
                '[[handler]]\nname = "hook"\nmatch = "arn:aws:lambda:*"\n'
                f'url = "http://127.0.0.1:{hook.port}/"\n'
                'headers = { content-type = "text/plain" }\nbody = "{{raw alarm}}|{{raw state}}"\n')
        self.process = subprocess.Popen(
            [options.binary, "serve", "--listen", "127.0.0.1:0", "--data", os.path.join(directory, "data"),
             "--collect-host", "false", "--handlers", handlers],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        line = next(line for line in self.process.stdout if " answers on " in line)
        address = line.split(" answers on ")[1].strip()
        threading.Thread(target=self.process.stdout.read, daemon=True).start()
        self.port = int(address.rsplit(":", 1)[1].strip("/"))

    def connect(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return connection

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mib(self):
        with open(f"/proc/{self.process.pid}/statm") as statm:
            return int(statm.read().split()[1]) * 4096 / 1048576

    def metrics(self, prefix):
        connection = self.connect()
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith(prefix)}


def call(connection, operation, body):
    connection.request("POST", "/", body, {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": f"GraniteServiceVersion20100801.{operation}",
    })
    answer = connection.getresponse()
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{operation}: {answer.status} {text[:300]}")


def name(n):
    return f"load-high-{n:07}"


def alarm(n, period):
    return json.dumps({
        "AlarmName": name(n), "Namespace": "Bench", "MetricName": "load",
        "Dimensions": [{"Name": "host", "Value": f"host-{n:07}"}], "Statistic": "Maximum", "Period": period,
        "EvaluationPeriods": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "ignore", "AlarmActions": ["arn:aws:lambda:us-east-1:000000000000:function:hook"],
    })


def points(numbers, at, period, value):
    resolution = ',"StorageResolution":1' if period < 60 else ""
    data = ",".join(
        f'{{"MetricName":"load","Dimensions":[{{"Name":"host","Value":"host-{n:07}"}}],'
        f'"Timestamp":{at},"Value":{value(n)}{resolution}}}' for n in numbers)
    return f'{{"Namespace":"Bench","MetricData":[{data}]}}'


def put_alarms(server, options):
    numbers, lock, done = iter(range(options.alarms)), threading.Lock(), [0]

    def work():
        connection = server.connect()
        while True:
            with lock:
                n = next(numbers, None)
                done[0] += 1
                if done[0] % 50_000 == 0:
                    print(f"  {done[0]} alarms put", flush=True)
            if n is None:
                return
            call(connection, "PutMetricAlarm", alarm(n, options.period))

    began, cpu = time.monotonic(), server.cpu_seconds()
    threads = [threading.Thread(target=work) for _ in range(options.connections)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    took, cpu = time.monotonic() - began, server.cpu_seconds() - cpu
    print(f"put {options.alarms} alarms over {options.connections} connections: {took:.1f} s, "
          f"{options.alarms / took:.0f} a second, {cpu / options.alarms * 1e6:.0f} us of CPU each", flush=True)


def report(what, seconds):
    if not seconds:
        print(f"{what}: none")
        return
    ordered = sorted(seconds)
    at = lambda part: ordered[round((len(ordered) - 1) * part)] * 1e3
    print(f"{what}: {len(ordered)} times, min {at(0):.0f} ms, median {at(0.5):.0f} ms, p99 {at(0.99):.0f} ms, "
          f"max {at(1):.0f} ms", flush=True)


def run(options, directory):
    hook = Hook()
    is_there = os.path.exists(os.path.join(directory, "data"))
    began = time.monotonic()
    server = Server(options, directory, hook)
    if is_there:
        print(f"a start with what is there took {time.monotonic() - began:.1f} s", flush=True)
    try:
        connection, period = server.connect(), options.period
        everyone = range(max(options.series, options.alarms))
        chunks = [everyone[first:first + CHUNK] for first in range(0, len(everyone), CHUNK)]
        now = int(time.time()) // period * period
        began = time.monotonic()
        for chunk in chunks:
            call(connection, "PutMetricData", points(chunk, now, period, lambda n: 10))
        print(f"a value of each of {len(everyone)} series: {time.monotonic() - began:.1f} s")
        before = server.memory_mib()
        if not is_there:
            put_alarms(server, options)
            memory = server.memory_mib()
            print(f"memory: {memory:.0f} MiB, {(memory - before) * 1024 / options.alarms:.2f} KB an alarm")
        began = time.monotonic()
        while server.metrics("sightline_alarm")["sightline_alarm_windows_waiting"] > 0:
            time.sleep(0.5)
        print(f"all windows were read from the store {time.monotonic() - began:.1f} s later", flush=True)
        all_due, all_late, slow = [], [], 0
        for round_number in range(options.rounds):
            crosses = lambda n: n % options.crossing == round_number % options.crossing
            start = (int(time.time()) // period + 1) * period
            bodies = [points(chunk, start, period, lambda n: 90 if crosses(n) else 10) for chunk in chunks]
            if time.time() > start:
                start += period
                bodies = [points(chunk, start, period, lambda n: 90 if crosses(n) else 10) for chunk in chunks]
            time.sleep(max(0, start + 0.05 - time.time()))
            hook.take()
            # The server closes connections that are idle for long.
            connection.close()
            connection = server.connect()
            cpu, began = server.cpu_seconds(), time.monotonic()
            for body in bodies:
                call(connection, "PutMetricData", body)
            sent = time.monotonic() - began
            due = start + period + LATENESS_S
            time.sleep(max(0, due - time.time()))
            # Others cross late, after their period was decided: what was not among the notices yet.
            expected = {name(n) for n in range(options.alarms) if crosses(n)}
            got, until = {}, due + min(period, 30) - 3
            while len(got) < len(expected) and time.time() < until:
                time.sleep(0.05)
                for at, (alarm_name, state) in hook.take():
                    if state == "ALARM" and alarm_name in expected:
                        got.setdefault(alarm_name, at - due)
            connection.close()
            connection = server.connect()
            lag = server.metrics("sightline_alarm").get("sightline_alarm_lag_seconds", float("nan"))
            late, tried, n = [], set(), 50 + round_number
            while time.time() < until and len(late) < 40:
                n += 700
                of = n % options.alarms
                if of in tried:
                    break
                tried.add(of)
                if of % options.crossing in (round_number - 1, round_number, round_number + 1):
                    continue
                call(connection, "PutMetricData", points([of], start, period, lambda _: 95))
                acknowledged = time.time()
                at = hook.wait_for(name(of), "ALARM", acknowledged + 5)
                if at is None:
                    slow += 1
                    print(f"  {name(of)} was not told within 5 s")
                else:
                    late.append(at - acknowledged)
            used = server.cpu_seconds() - cpu
            print(f"round {round_number}: sent in {sent:.1f} s, {len(got)} of {len(expected)} told, "
                  f"{used:.1f} CPU seconds, {server.memory_mib():.0f} MiB, lag {lag:.3f} s", flush=True)
            report("  due to told", list(got.values()))
            all_due += got.values()
            all_late += late
        report("due to told, all rounds", all_due)
        report("answer to a late point to told", all_late)
        print(f"not told within 5 s of a late point: {slow}")
        print(server.metrics("sightline_deliver"))
    finally:
        server.process.terminate()
        server.process.wait()


def main():
    options = arguments()
    if options.data:
        os.makedirs(options.data, exist_ok=True)
        run(options, options.data)
    else:
        with tempfile.TemporaryDirectory() as directory:
            run(options, directory)


if __name__ == "__main__":
    main()
