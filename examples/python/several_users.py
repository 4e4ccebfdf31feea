"""The library itself: a bot that serves many users at once on one event loop.

python examples/python/several_users.py [redis://localhost | sqlite:///bot.db]
"""

import asyncio
import sys

from dialogstore import Context, Storage


async def talk(storage: Storage, user: str) -> None:
    for text in ("Hi", "A pizza, please", "Thank you"):
        context = await storage.get_async(user, Context())
        turn = context.add_request(text)
        context.add_label(("order", f"turn_{turn}"))
        context.add_response(f"{user}, I heard: {text}")
        context.misc["turns"] = turn + 1
        await storage.set_item_async(user, context)  # sends only what is new
    stored = await storage.get_item_async(user)
    print(f"{user}: {stored.misc['turns']} turns, the last answer was {stored.last_response}")


async def main() -> None:
    uri = sys.argv[1] if len(sys.argv) > 1 else "memory://"
    async with Storage(uri, on_conflict="merge") as storage:
        await asyncio.gather(*(talk(storage, user) for user in ("ann", "bob", "eve")))


if __name__ == "__main__":
    asyncio.run(main())
