"""What N thresholds over N series cost a minute: Sightline's alarms, and the alerting rules of Prometheus and vmalert.

    bench/peers/run install --servers vm-forky,prometheus-forky
    .venv/bin/python bench/rules/run.py [--rules 20000] [--minutes 3]

Each gets a value of each series every minute (Prometheus scrapes them, Sightline gets PutMetricData, VictoriaMetrics
an import in Prometheus' text) and holds each against a threshold every minute. CPU seconds of each over whole minutes,
with and without the rules, tell what the rules cost; vmalert asks VictoriaMetrics, so both processes count. Needs the
peers as above, `make test-deps` (boto3 in .venv) and a built binary (--binary).
"""

import argparse
import concurrent.futures
import http.server
import os
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request

import boto3
from botocore.config import Config

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../..")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rules", type=int, default=20_000)
    parser.add_argument("--minutes", type=int, default=3)
    parser.add_argument("--binary", default=os.path.join(ROOT, "target/release/sightline"))
    peers = os.path.join(ROOT, "bench/out/peers")
    parser.add_argument("--prometheus", default=f"{peers}/prometheus-forky/usr/bin/prometheus")
    parser.add_argument("--victoria", default=f"{peers}/vm-forky/usr/bin", help="directory of victoria-metrics and vmalert")
    parser.add_argument("--only", default="sightline,prometheus,vmalert", help="which of them")
    return parser.parse_args()


def cpu_seconds(*processes):
    return sum(cpu_seconds_of(process) for process in processes)


def cpu_seconds_of(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wait_for(url):
    for _ in range(300):
        try:
            return urllib.request.urlopen(url, timeout=1).read()
        except OSError:
            time.sleep(0.2)
    raise SystemExit(f"{url} does not answer")


def minute_by_minute(processes, minutes, work=lambda: None):
    """CPU seconds a minute, over whole minutes; `work` is done at the begin of each."""
    used = []
    for _ in range(minutes):
        before, end = cpu_seconds(*processes), time.monotonic() + 60
        work()
        time.sleep(max(0, end - time.monotonic()))
        used.append(cpu_seconds(*processes) - before)
    return used


def write_rules(path, rules):
    with open(path, "w") as out:
        out.write("groups:\n")
        for first in range(0, rules, 500):
            out.write(f"- name: g{first}\n  interval: 60s\n  rules:\n")
            for n in range(first, min(rules, first + 500)):
                out.write(f"  - alert: load-high-{n}\n    expr: load{{host=\"host-{n}\"}} > 50\n")


def prometheus(options, directory, rules):
    lines = "".join(f'load{{host="host-{n}"}} {n % 40}\n' for n in range(options.rules)).encode()

    class Target(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200)
            self.send_header("content-type", "text/plain; version=0.0.4")
            self.end_headers()
            self.wfile.write(lines)

        def log_message(self, *_):
            pass

    target = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=target.serve_forever, daemon=True).start()
    os.makedirs(directory)
    write_rules(f"{directory}/rules.yml", rules)
    with open(f"{directory}/prometheus.yml", "w") as out:
        out.write(
            "global: { scrape_interval: 60s, evaluation_interval: 60s }\n"
            f"rule_files: [{directory}/rules.yml]\n"
            "scrape_configs:\n- job_name: load\n  static_configs:\n"
            f"  - targets: ['127.0.0.1:{target.server_port}']\n"
        )
    port = target.server_port + 1
    process = subprocess.Popen(
        [options.prometheus, f"--config.file={directory}/prometheus.yml", f"--storage.tsdb.path={directory}/data",
         f"--web.listen-address=127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(f"http://127.0.0.1:{port}/-/ready")
        time.sleep(75)
        return minute_by_minute([process], options.minutes)
    finally:
        process.terminate()
        process.wait()
        target.shutdown()


def vmalert(options, directory, rules):
    lines = "".join(f'load{{host="host-{n}"}} {n % 40}\n' for n in range(options.rules)).encode()
    os.makedirs(directory)
    write_rules(f"{directory}/rules.yml", rules)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    processes = [subprocess.Popen(
        [f"{options.victoria}/victoria-metrics", f"-storageDataPath={directory}/data",
         f"-httpListenAddr=127.0.0.1:{port}", "-search.latencyOffset=0s"], **quiet)]

    def send():
        urllib.request.urlopen(urllib.request.Request(f"{url}/api/v1/import/prometheus", lines)).read()

    try:
        wait_for(f"{url}/health")
        send()
        if rules:
            processes.append(subprocess.Popen(
                [f"{options.victoria}/vmalert", f"-rule={directory}/rules.yml", f"-datasource.url={url}",
                 "-notifier.blackhole", f"-httpListenAddr=127.0.0.1:{port + 1}"], **quiet))
            wait_for(f"http://127.0.0.1:{port + 1}/health")
        minute_by_minute(processes, 1, send)
        return minute_by_minute(processes, options.minutes, send)
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def sightline(options, directory, rules):
    process = subprocess.Popen(
        [options.binary, "serve", "--listen", "127.0.0.1:0", "--data", directory, "--collect-host", "false"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )
    try:
        line = next(line for line in process.stdout if " answers on " in line)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        cloudwatch = boto3.client(
            "cloudwatch", endpoint_url=line.split(" answers on ")[1].strip(), region_name="us-east-1",
            aws_access_key_id="x", aws_secret_access_key="y", config=Config(max_pool_connections=16),
        )
        of = lambda n: [{"Name": "host", "Value": f"host-{n}"}]

        def send():
            for first in range(0, options.rules, 1_000):
                cloudwatch.put_metric_data(Namespace="Bench", MetricData=[
                    {"MetricName": "load", "Dimensions": of(n), "Value": n % 40}
                    for n in range(first, min(options.rules, first + 1_000))
                ])

        def put(n):
            cloudwatch.put_metric_alarm(
                AlarmName=f"load-high-{n}", Namespace="Bench", MetricName="load", Dimensions=of(n), Statistic="Maximum",
                Period=60, EvaluationPeriods=1, Threshold=50, ComparisonOperator="GreaterThanThreshold",
            )

        send()
        began = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(put, range(rules)))
        if rules:
            print(f"put {rules} alarms in {time.monotonic() - began:.1f} s")
        minute_by_minute([process], 1, send)
        return minute_by_minute([process], options.minutes, send)
    finally:
        process.terminate()
        process.wait()


def main():
    options = arguments()
    print(f"{options.rules} thresholds over as many series, a value and an evaluation a minute")
    print("CPU seconds a minute: median, and what the thresholds cost")
    cost = {}
    for name, run in [("sightline", sightline), ("prometheus", prometheus), ("vmalert", vmalert)]:
        if name not in options.only.split(","):
            continue
        with tempfile.TemporaryDirectory() as directory:
            without = sorted(run(options, f"{directory}/without", 0))
            rules = sorted(run(options, f"{directory}/with", options.rules))
        without, rules = without[len(without) // 2], rules[len(rules) // 2]
        cost[name] = max(rules - without, 1e-9) / options.rules * 1e6
        print(f"{name:12} without {without:6.2f}  with {rules:6.2f}  {cost[name]:7.2f} us a threshold and minute; "
              f"a core holds {60e6 / cost[name]:,.0f}", flush=True)
    for name in cost.keys() - {"sightline"}:
        if "sightline" in cost:
            print(f"{cost[name] / cost['sightline']:.1f} times as many as {name}")


if __name__ == "__main__":
    main()
