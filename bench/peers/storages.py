"""The Python contenders as published, each with the two operations that are measured."""

import uuid

FACTS = {"name": "Ada", "language": "en", "visits": 17}


def key_of(dialog):
    return f"dialog-{dialog}"


class Dff:
    """DFF 0.7: the whole context as JSON, GET and SET."""

    def __init__(self, store, material):
        from dff.context_storages.redis import RedisContextStorage
        from dff.script import Context, Message

        self._context, self._message = Context, Message
        self._storage = RedisContextStorage(store)
        self._material = material

    def _add(self, context, dialog, number):
        said = self._material.turn(dialog, number)
        context.add_request(self._message(**said["request"]))
        context.add_label(tuple(said["label"]))
        context.add_response(self._message(**said["response"]))

    async def prepare(self, dialog, turns):
        context = self._context(id=uuid.uuid4(), misc={"user": FACTS})
        for number in range(turns):
            self._add(context, dialog, number)
        await self._storage.set_item_async(key_of(dialog), context)

    async def turn(self, dialog, number):
        context = await self._storage.get_item_async(key_of(dialog))
        self._add(context, dialog, number)
        await self._storage.set_item_async(key_of(dialog), context)

    async def close(self):
        await self._storage._redis.aclose()


class Chatsky:
    """Chatsky 0.10: a hash of turns for each field; a load reads the last three of each."""

    _SAVED_AT_ONCE = 20

    def __init__(self, store, material):
        from chatsky.context_storages.redis import RedisContextStorage
        from chatsky.core import Context, Message
        from chatsky.core.node_label import AbsoluteNodeLabel

        self._context, self._message, self._label = Context, Message, AbsoluteNodeLabel
        # Each of the commands of a save takes a connection, and the pool refuses to wait.
        self._storage = RedisContextStorage(store + "?max_connections=5000")
        self._material = material

    def _add(self, context, dialog, number):
        said = self._material.turn(dialog, number)
        context.current_turn_id += 1
        flow, node = said["label"]
        context.requests[context.current_turn_id] = self._message(**said["request"])
        context.labels[context.current_turn_id] = self._label(flow_name=flow, node_name=node)
        context.responses[context.current_turn_id] = self._message(**said["response"])

    async def _connected(self, dialog):
        start = self._label(flow_name="smalltalk", node_name="start")
        return await self._context.connected(self._storage, start, key_of(dialog))

    async def prepare(self, dialog, turns):
        context = await self._connected(dialog)
        context.misc["user"] = FACTS
        for number in range(turns):
            self._add(context, dialog, number)
            if number % self._SAVED_AT_ONCE == 0:
                await context.store()
        await context.store()

    async def turn(self, dialog, number):
        context = await self._connected(dialog)
        self._add(context, dialog, number)
        await context.store()

    async def close(self):
        await self._storage.database.aclose()


class OpenaiAgents:
    """OpenAI Agents SDK: a list of messages; a load reads all of them, as its runner does."""

    def __init__(self, store, material):
        from agents.extensions.memory import RedisSession
        from redis.asyncio import Redis

        self._session = RedisSession
        self._redis = Redis.from_url(store)
        self._material = material

    def _items(self, dialog, number):
        said = self._material.turn(dialog, number)
        return [
            {"role": "user", "content": said["request"]["text"]},
            {"role": "assistant", "content": said["response"]["text"]},
        ]

    def _open(self, dialog):
        return self._session(session_id=key_of(dialog), redis_client=self._redis)

    async def prepare(self, dialog, turns):
        items = [item for number in range(turns) for item in self._items(dialog, number)]
        await self._open(dialog).add_items(items)

    async def turn(self, dialog, number):
        session = self._open(dialog)
        await session.get_items()
        await session.add_items(self._items(dialog, number))

    async def close(self):
        await self._redis.aclose()


STORAGES = {"dff": Dff, "chatsky": Chatsky, "openai-agents": OpenaiAgents}
