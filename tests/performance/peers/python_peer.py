"""Python: aiomqtt and asyncpg. Acknowledges at once.

"copy": what came in 100 ms as one COPY. "single": one INSERT a message, as tutorials do it.
"""

import asyncio
import json
import sys
from datetime import UTC, datetime

import aiomqtt
import asyncpg

WRITE_EVERY_S = 0.1
INSERT = "insert into peer (device, t, payload) values ($1, $2, $3)"


async def run() -> None:
    """Subscribe, say so, and write until killed."""
    task = json.loads(sys.stdin.readline())
    database = await asyncpg.connect(task["database"])
    rows: list[tuple[str, datetime, bytes]] = []

    async def write() -> None:
        nonlocal rows
        while True:
            await asyncio.sleep(WRITE_EVERY_S)
            if rows:
                batch, rows = rows, []
                await database.copy_records_to_table("peer", records=batch)

    async with (
        aiomqtt.Client(
            "127.0.0.1",
            task["port"],
            username=task["user"],
            password=task["password"],
            identifier="peer-python",
        ) as client,
        asyncio.TaskGroup() as group,
    ):
        await client.subscribe("vw1/+/+/up/#", qos=1)
        if task["how"] == "copy":
            group.create_task(write())
        print("subscribed", flush=True)
        async for message in client.messages:
            assert isinstance(message.payload, bytes)
            device = message.topic.value.split("/")[2]
            row = (device, datetime.now(UTC), message.payload)
            if task["how"] == "copy":
                rows.append(row)
            else:
                await database.execute(INSERT, *row)


if __name__ == "__main__":
    asyncio.run(run())
