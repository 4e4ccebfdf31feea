"""Dialogs of Chatsky, as a pipeline has them."""

from __future__ import annotations

from typing import Any

from chatsky.context_storages.database import DBContextStorage
from chatsky.core import Context, Message
from chatsky.core.node_label import AbsoluteNodeLabel


def node(name: str) -> AbsoluteNodeLabel:
    return AbsoluteNodeLabel(flow_name="flow", node_name=name)


START = node("start")


async def loaded(store: DBContextStorage, ctx_id: str = "user") -> Context:
    return await Context.connected(store, START, ctx_id)


def hear(context: Context, text: str) -> None:
    context.current_turn_id += 1
    context.requests[context.current_turn_id] = Message(text=text)


def answer(context: Context) -> None:
    turn = context.current_turn_id
    text = context.requests._items[turn].text
    context.labels[turn] = node(text)
    context.responses[turn] = Message(text=text.upper())


async def talk(store: DBContextStorage, *texts: str, **misc: Any) -> Context:
    context = await loaded(store)
    for text in texts:
        hear(context, text)
        answer(context)
    context.misc.update(misc)
    await context.store()
    return context
