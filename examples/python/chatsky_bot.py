"""A Chatsky 0.10 bot whose dialogs outlive it.

    python examples/python/chatsky_bot.py [redis://localhost | sqlite:///bot.db]

Each line that you type is one turn; ended and started again, the bot goes on where it was.
"""

import sys

from chatsky import RESPONSE, TRANSITIONS, Pipeline, Transition
from chatsky import conditions as cnd
from chatsky.core import BaseResponse, Context, Message

from dialogstore.chatsky import context_storage_factory


class Count(BaseResponse):  # type: ignore[misc]  # Chatsky has no types
    async def call(self, ctx: Context) -> Message:
        return Message(text=f"That was turn {ctx.current_turn_id}.")


SCRIPT = {
    "talk": {
        "start": {TRANSITIONS: [Transition(dst="greet", cnd=cnd.ExactMatch("Hi"))]},
        "greet": {RESPONSE: "Hello! Go on.", TRANSITIONS: [Transition(dst="count")]},
        "count": {RESPONSE: Count(), TRANSITIONS: [Transition(dst="count")]},
    }
}


def main() -> None:
    uri = sys.argv[1] if len(sys.argv) > 1 else "memory://"
    pipeline = Pipeline(
        SCRIPT,
        start_label=("talk", "start"),
        fallback_label=("talk", "count"),
        context_storage=context_storage_factory(uri),
    )
    for line in sys.stdin:
        context = pipeline(Message(text=line.strip()), "user-1")
        print(context.last_response.text)


if __name__ == "__main__":
    main()
