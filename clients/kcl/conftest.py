"""Workers of the Kinesis Client Library, and what they are to consume.

In: TIDEWIRE_ENDPOINT. Out: streams of names that nobody else has; workers that end with their test; producers that put numbered
records until they are told to stop. Nothing here waits for a time: it waits for what is to be seen, and gives up after minutes.
"""

import collections
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

import amazon_kclpy
import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent))
from quiet_client import ENDPOINT, fresh, quiet_client  # noqa: E402 (the folder above holds what several suites share)

JARS = pathlib.Path(amazon_kclpy.__file__).parent / "jars" / "*"
PROCESSOR = pathlib.Path(__file__).parent / "processor.py"
# A busy machine is slow and not wrong: whatever is waited for may take this long.
PATIENCE_SECS = 240
KEYS = [f"key-{number}" for number in range(24)]


class Application:
    """A stream, and the workers that consume it under one name."""

    def __init__(self, mode, folder, shards):
        self.mode, self.folder, self.name = mode, folder, fresh("kcl")
        self.kinesis, self.dynamodb = quiet_client("kinesis"), quiet_client("dynamodb")
        self.kinesis.create_stream(StreamName=self.name, ShardCount=shards)
        self.seen_path = folder / "seen"
        self.seen_path.touch()
        self.workers = {}

    def start_worker(self, worker):
        """A process of the library's daemon, which starts one process for each shard."""
        properties = {
            "executableName": f"{sys.executable} {PROCESSOR}",
            "streamName": self.name,
            "applicationName": self.name,
            "workerId": worker,
            "AWSCredentialsProvider": "EnvironmentVariableCredentialsProvider",
            "regionName": "us-east-1",
            "initialPositionInStream": "TRIM_HORIZON",
            "kinesisEndpoint": ENDPOINT,
            "dynamoDBEndpoint": ENDPOINT,
            "cloudWatchClient.endpointOverride": ENDPOINT,
            "metricsLevel": "DETAILED",
            "metricsBufferTimeMillis": 2000,
            "retrievalMode": self.mode,
            "failoverTimeMillis": 4000,
            "shardSyncIntervalMillis": 2000,
            "parentShardPollIntervalMillis": 1000,
            "idleTimeBetweenReadsInMillis": 250,
            "schedulerInitializationBackoffTimeMillis": 500,
        }
        path = self.folder / f"{worker}.properties"
        path.write_text("".join(f"{name} = {value}\n" for name, value in properties.items()))
        java = ["/usr/bin/java", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-cp", str(JARS)]
        daemon = ["software.amazon.kinesis.multilang.MultiLangDaemon", "--properties-file", str(path)]
        log = open(self.folder / f"{worker}.log", "wb")
        environment = {**os.environ, "KCL_SEEN": str(self.seen_path), "KCL_WORKER": worker}
        self.workers[worker] = subprocess.Popen(
            java + daemon, stdout=log, stderr=subprocess.STDOUT, env=environment, start_new_session=True
        )

    def wait_for(self, what, look):
        """What `look` gives as soon as it is not false; a worker that has ended by itself ends the wait too."""
        until = time.monotonic() + PATIENCE_SECS
        while True:
            found = look()
            if found:
                return found
            ended = [worker for worker, process in self.workers.items() if process.poll() is not None]
            assert not ended, f"{ended} ended while the test waited for {what}"
            assert time.monotonic() < until, f"waited {PATIENCE_SECS} s for {what}"
            time.sleep(0.2)

    def kill_worker(self, worker):
        """Ends a worker as a power cut would, with its processes."""
        process = self.workers.pop(worker)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def leases(self):
        """The lease table as it is."""
        try:
            items = self.dynamodb.scan(TableName=self.name)["Items"]
        except self.dynamodb.exceptions.ResourceNotFoundException:
            return {}
        return {item["leaseKey"]["S"]: {name: next(iter(value.values())) for name, value in item.items()} for item in items}

    def owners(self):
        """Who owns the leases of shards that are not read to their ends."""
        leases = self.leases().values()
        return {lease.get("leaseOwner") for lease in leases if lease["checkpoint"] != "SHARD_END"}

    def seen(self):
        """Every record that was processed, in the order of processing, again and again if it was."""
        return [json.loads(line) for line in self.seen_path.read_text().splitlines()]

    def open_shards(self):
        shards = self.kinesis.list_shards(StreamName=self.name)["Shards"]
        return [shard for shard in shards if "EndingSequenceNumber" not in shard["SequenceNumberRange"]]

    def logs(self):
        """The ends of the workers' logs, for the report of a test that failed."""
        return "\n".join(f"--- {path.name}\n{path.read_text()[-4000:]}" for path in sorted(self.folder.glob("*.log")))

    def end(self):
        for worker in list(self.workers):
            self.kill_worker(worker)
        self.kinesis.delete_stream(StreamName=self.name, EnforceConsumerDeletion=True)


class Producer:
    """Puts records of each key, numbered from 0, until it is stopped."""

    def __init__(self, stream):
        self.kinesis, self.stream = quiet_client("kinesis"), stream
        self.put, self.stopping, self.failure = collections.Counter(), threading.Event(), None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        try:
            while not self.stopping.is_set():
                for key in KEYS:
                    data = str(self.put[key]).encode()
                    self.kinesis.put_record(StreamName=self.stream, PartitionKey=key, Data=data)
                    self.put[key] += 1
                self.stopping.wait(0.2)
        except Exception as failure:  # noqa: BLE001 (whatever it was, the test says so)
            self.failure = failure

    def stop(self):
        """How many records of each key there are."""
        self.stopping.set()
        self.thread.join()
        assert self.failure is None, self.failure
        return dict(self.put)


@pytest.fixture
def make_application(tmp_path, request):
    made = []

    def make(mode, shards=2):
        made.append(Application(mode, tmp_path, shards))
        return made[-1]

    yield make
    for application in made:
        if getattr(request.node, "failed", False):
            print(application.logs())
        application.end()


@pytest.fixture
def make_producer():
    made = []

    def make(stream):
        made.append(Producer(stream))
        return made[-1]

    yield make
    for producer in made:
        producer.stopping.set()
        producer.thread.join()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.failed = True
