"""A bot of the Dialog Flow Framework 0.7 whose dialogs outlive it.

    python examples/python/dff_bot.py [redis://localhost | sqlite:///bot.db]

Each line that you type is one turn; ended and started again, the bot goes on where it was.
"""

import sys
from typing import Any

from dff.pipeline import Pipeline
from dff.script import RESPONSE, TRANSITIONS, Context, Message
from dff.script.conditions import exact_match, true

from dialogstore.dff import context_storage_factory


def count(context: Context, *_: Any) -> Message:
    return Message(text=f"That was turn {len(context.requests)}.")


SCRIPT = {
    "talk": {
        "start": {RESPONSE: Message(), TRANSITIONS: {"greet": exact_match(Message(text="Hi"))}},
        "greet": {RESPONSE: Message(text="Hello! Go on."), TRANSITIONS: {"count": true()}},
        "count": {RESPONSE: count, TRANSITIONS: {"count": true()}},
    }
}


def main() -> None:
    uri = sys.argv[1] if len(sys.argv) > 1 else "memory://"
    pipeline = Pipeline.from_script(
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
